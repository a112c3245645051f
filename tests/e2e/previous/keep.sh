#!/usr/bin/env bash
# Keeps the code of a commit as the version before: `tests/e2e/previous/keep.sh COMMIT`. To be called whenever a migration
# is added, with the last release, or before the first one with the commit before that migration. The tests then run
# both versions side by side; they cannot ask git, since a checkout may have no history.
set -euo pipefail
cd "$(dirname "$0")/../../.."
commit=${1:?which commit was the version before?}
revision=$(git ls-tree --name-only "$commit" bot/adapters/database/migrations/versions/ | sed -n 's/.*\/\([0-9]\{4\}\)_.*/\1/p' | tail -1)
rm -f tests/e2e/previous/lightship-*.tar.xz
git archive --format=tar "$commit" bot handlers runbooks lightship.yaml | xz -9e > "tests/e2e/previous/lightship-$revision.tar.xz"
echo "tests/e2e/previous/lightship-$revision.tar.xz"
