"""Settings: TOML files checked against closed models, with presets and overrides."""
