import os

import pytest
import torch

from seedbed.processes import distributed


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the second of three."""
    for name, value in distributed.variables(1, 3, port=1).items():
        monkeypatch.setenv(name, value)


def test_process_on_its_own_is_the_first_of_one() -> None:
    assert not distributed.is_member()
    assert (distributed.rank(), distributed.size()) == (0, 1)


def test_process_on_its_own_hears_what_it_says() -> None:
    assert distributed.broadcast("a") == "a"
    assert distributed.all_gather("a") == ["a"]
    assert distributed.largest(1, 2) == [1, 2]
    assert torch.equal(distributed.all_reduce_sum(torch.tensor([1, 2])), torch.tensor([1, 2]))


@pytest.mark.usefixtures("second")
def test_process_knows_its_place_by_torchruns_variables() -> None:
    assert distributed.is_member()
    assert (distributed.rank(), distributed.size()) == (1, 3)
    assert torch.distributed.is_torchelastic_launched()


@pytest.mark.usefixtures("second")
def test_of_several_that_leave_the_others_end_well() -> None:
    with pytest.raises(SystemExit) as left:
        distributed.leave()
    assert left.value.code == 0


@pytest.mark.usefixtures("second")
def test_of_several_that_leave_the_first_goes_on_as_if_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANK", "0")
    distributed.leave()
    assert not distributed.is_member()
    assert not {"RANK", "WORLD_SIZE", "MASTER_PORT"} & set(os.environ)


@pytest.mark.usefixtures("second")
def test_only_errors_of_the_connection_tell_of_a_lost_process() -> None:
    lost = "[…/gloo/transport/tcp/pair.cc:545] Read error [127.0.0.1]:1: Connection reset by peer"
    assert distributed.is_peer_failure(RuntimeError(lost))
    assert distributed.is_peer_failure(
        torch.distributed.DistBackendError("NCCL communicator was aborted")
    )
    assert not distributed.is_peer_failure(
        RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    )
