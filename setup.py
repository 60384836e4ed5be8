"""The wheel: the frame, with what of `conf` names no study. All else is in pyproject.toml."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "src"))


class BuildWithConf(build_py):
    """Copies the frame's configurations into its package, where it looks without a project."""

    def run(self) -> None:
        """Build as usual, then copy; an editable install reads `conf` itself."""
        super().run()
        if self.editable_mode:
            return
        from seedbed.config.removal import files_of, studies

        of_studies = {path for name in studies() for path in files_of(name)}
        for file in sorted((HERE / "conf").rglob("*.yaml")):
            if file not in of_studies:
                place = Path(self.build_lib) / "seedbed" / file.relative_to(HERE)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, place)


setup(cmdclass={"build_py": BuildWithConf})
