"""publish: what sends a corpus away."""

from argparse import Namespace

from voxsmith.pipeline import api
from voxsmith.pipeline.commands.options import recipe_of
from voxsmith.pipeline.publish.hub import has_token
from voxsmith.pipeline.publish.send import Publication, in_bytes
from voxsmith.pipeline.terminal import one_line


def publish(options: Namespace) -> int:
    publication = api.publish(
        recipe_of(options),
        repo=options.repo,
        to=options.to,
        private=options.private,
        form=options.format,
        dry_run=options.dry_run,
        say=lambda text: print(one_line(text), flush=True),
    )
    if publication.dry_run:
        _print_forecast(publication, to_hub=options.repo is not None)
        return 0
    deleted = f", {publication.deleted} old ones deleted" if publication.deleted else ""
    print(f"{publication.sent} files sent, {publication.kept} were there already{deleted}; ", end="")
    print(f"{in_bytes(publication.size)} in all\npublished  {publication.where}")
    return 0


def _print_forecast(publication: Publication, to_hub: bool) -> None:
    print(f"would publish to {publication.where}:")
    for file in publication.files:
        print(f"  {'' if file.exact else 'about':>5} {in_bytes(file.size):>9}  {file.name}")
    print(f"{'README.md':>26}\n{len(publication.files) + 1} files, about {in_bytes(publication.size)}")
    print("Nothing was asked or sent; what is there already would be left out.")
    if to_hub and not has_token():
        print("There is no token to publish with: put one into HF_TOKEN, or run hf auth login.")
