"""What several tests share: recipes, servers, tiny models, made corpora."""
