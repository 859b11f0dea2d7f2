"""Lays configs/ into the wheel, as pipeline/configs: a folder of that name at the top would be anybody's."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["models*", "pipeline*", "schemas*", "stages*"]), "pipeline.configs"],
    package_dir={"pipeline.configs": "configs"},
    package_data={"": ["py.typed", "*.jinja", "*.json"], "pipeline.configs": ["**/*"]},
)
