"""The ground: where models are and how they are got, safe loading of foreign weights, devices, audio as samples, networks."""
