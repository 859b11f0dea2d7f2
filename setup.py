"""Lays configs/ into the wheel, as voxsmith/configs. The packages lie in voxsmith/: links, in a clone."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["voxsmith*"]), "voxsmith.configs"],
    package_dir={"voxsmith.configs": "configs"},
    package_data={"": ["py.typed", "*.jinja", "*.json", "*.html", "*.js", "*.md"], "voxsmith.configs": ["**/*"]},
)
