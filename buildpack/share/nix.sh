# shellcheck shell=sh
# Sourced by every dyno's login shell, where HOME is /app.
export PATH="${HOME}/.heroku/nix/bin:${PATH}"
