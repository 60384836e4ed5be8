# A browser for the tests: one that is there, else the system's Chromium, else Playwright's own.
set -eu
for name in chromium chromium-browser google-chrome; do
	if command -v "$name" >/dev/null; then exit 0; fi
done
as_root=
if [ "$(id -u)" -ne 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
	echo "Installing Chromium by apt-get."
	export DEBIAN_FRONTEND=noninteractive
	$as_root apt-get update -qq && $as_root apt-get install -qq -y --no-install-recommends chromium \
		>/dev/null && exit 0
fi
exec "$1" -m playwright install chromium
