#!/usr/bin/env bash
# Starts a development service in a temporary folder, on loopback, and walks a zeep client through the main job: with
# SOAP 1.1 and 1.2, with an RSA and with an EC key. Leaves nothing behind. CTRD names another service program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ctrd=${CTRD:-$here/../../../bin/ctrd}
python=${PYTHON:-/usr/bin/python3} # Debian's: its packages are not seen by other Pythons

[ -x "$ctrd" ] || { echo "zeep: $ctrd is not there; run: make build" >&2; exit 1; }
"$python" -c 'import cryptography, xmlsec, zeep' 2>/dev/null ||
  { echo 'zeep: not here; run: sudo apt-get install -y --no-install-recommends python3-zeep python3-xmlsec' >&2; exit 1; }

work=$(mktemp -d)
service=
finish() {
  if [ -n "$service" ]; then kill "$service" 2>/dev/null && wait "$service" || true; fi
  rm -rf "$work"
}
trap finish EXIT

"$ctrd" serve --dev --data "$work/data" --listen 127.0.0.1:0 >"$work/ready" 2>"$work/log" &
service=$!
for _ in $(seq 100); do
  [ -s "$work/ready" ] && break
  kill -0 "$service" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done

# The service's last line of start-up tells where everything is.
tell() { "$python" -c 'import json, sys; v = json.load(open(sys.argv[1])); [v := v[k] for k in sys.argv[2:]]; print(v)' "$work/ready" "$@"; }

for soap in 1.1 1.2; do
  for key in 'NIHII-HOSPITAL=71000436' 'NIHII-HOSPITAL=71000436 (EC)'; do
    echo "zeep, SOAP $soap, signed by $key:"
    "$python" "$here/client.py" --url "$(tell url)" --ca "$(tell ca)" --p12 "$(tell p12 "$key")" \
      --password-file "$(dirname "$(tell ca)")/password.txt" --card "$work/card.pdf" --soap "$soap" || { cat "$work/log" >&2; exit 1; }
  done
done
