#!/usr/bin/env bash
# Walks through the main job of a register: a notification, its search, its implant card, an explantation, and a refusal.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/register.sh"

readonly SURGEON=78031412250 PATIENT=48022907379

fail() { echo "$*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "not as expected: $1 ($2)"; }
refused() {
  [ -s "$folder/reply.xml" ] || exit 1 # what failed has said why
  fail "refused: $(fault_code): $(fault_message)"$'\n'"$(violations)"
}
day() { date --date "$1" +%F; }
quoted() { # as JSON
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

soap=1.1
while [ $# -gt 0 ]; do
  case $1 in
    --url) url=$2 ;;
    --ca) ca=$2 ;;
    --p12) p12=$2 ;;
    --password-file) password_file=$2 ;;
    --card) card=$2 ;;
    --soap) soap=$2 ;;
    *) fail "unknown: $1" ;;
  esac
  shift 2
done

: "${url:?--url is missing}" "${ca:?--ca is missing}" "${p12:?--p12 is missing}" \
  "${password_file:?--password-file is missing}" "${card:?--card is missing}"

umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
open_register "$url" "$ca" "$p12" "$password_file" "$soap" "$folder"

serial=C-$(openssl rand -hex 6) reference=CURL-$(openssl rand -hex 8)

# The same reference again, after a lost answer, gives the same receipt and stores nothing.
call notifyImplant notifyImplant.xml AUTHOR=$SURGEON PATIENT=$PATIENT "REFERENCE=$reference" \
  "OPERATION_DATE=$(day '2 days ago')" "PRESCRIPTION_DATE=$(day '19 days ago')" \
  "UDI=(01)05410000001047(17)291231(10)L2201(21)$serial" || refused
number=$(value Receipt NotificationNumber) implant=$(value Implant ImplantId) device=$(value Implant Device Name)
expect 'the lot number comes from the UDI' "$(value Implant LotNumber)" L2201
expect 'the serial number comes from the UDI' "$(value Implant SerialNumber)" "$serial"
expect 'the expiry date comes from the UDI' "$(value Implant ExpiryDate)" 2029-12-31
expect 'no warning' "$(value Warning)" ''

call search search.xml AUTHOR=$SURGEON "NUMBER=$number" || refused
found=$(value Total)
expect 'the search finds one notification' "$found" 1
expect 'the search finds the notification' "$(value Notification NotificationNumber)" "$number"

call getImplantCard getImplantCard.xml AUTHOR=$SURGEON "NUMBER=$number" || refused
value Card Content | base64 --decode >"$card"
expect 'the digest of the card is that of its content' "$(openssl dgst -sha256 -binary "$card" | base64)" "$(value Card Digest)"

call notifyExplant notifyExplant.xml AUTHOR=$SURGEON PATIENT=$PATIENT "REFERENCE=$reference-x" \
  "OPERATION_DATE=$(day yesterday)" "IMPLANT=$implant" || refused
explanted=$(value Receipt NotificationNumber)
expect 'nothing remains of the implant' "$(value Implant Remaining)" 0

if call notifyImplant notifyImplant-lot.xml AUTHOR=$SURGEON PATIENT=$PATIENT "REFERENCE=$reference-w" \
  "OPERATION_DATE=$(day '2 days ago')" "PRESCRIPTION_DATE=$(day today)" \
  "UDI=(01)05410000001047(17)291231(10)L2201(21)$serial" LOT=L9999; then
  fail 'not as expected: a notification with two mistakes is refused'
fi
listed=
while read -r rule path; do
  listed+="${listed:+,}{\"code\":$(quoted "$rule"),\"path\":$(quoted "$path")}"
done < <(violations)
expect 'both mistakes are told' "$(violations | cut -d ' ' -f 1 | xargs)" 'PRESCRIPTION_AFTER_OPERATION LOT_CONTRADICTS_UDI'

toolkit="$(curl --version | cut -d ' ' -f 1-2 | head -n 1), $(xmlsec1 --version | cut -d ' ' -f 1-2), $(openssl version | cut -d ' ' -f 1-2)"
printf '{"toolkit":%s,"soap":"%s","key":"%s","mtom":false,"number":"%s","device":%s,"found":%s,"card":%s,"explanted":"%s",' \
  "$(quoted "$toolkit")" "$soap" "$key" "$number" "$(quoted "$device")" "$found" "$(quoted "$card")" "$explanted"
printf '"refused":{"code":"%s","message":%s,"violations":[%s]}}\n' "$(fault_code)" "$(quoted "$(fault_message)")" "$listed"
