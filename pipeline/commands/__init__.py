"""What each command does: it passes the command line's options on to `voxsmith.pipeline.api`, prints what that returns, and returns
the exit code. RecipeError and RunFailed go through.
"""
