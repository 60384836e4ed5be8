"""What all tests share."""

import torch

# The nets here are tiny: a second thread would cost more than it does, most of all beside others.
torch.set_num_threads(1)
