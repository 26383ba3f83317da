#!/bin/sh
# Runs client.exe with Mono. Mono 6.8 needs three things that .NET does not:
#   - the .p12 file with the encryption of old: it cannot open today's (PBES2 with HMAC-SHA-256);
#   - the authorities for TLS in its own store: it cannot build a chain of certificates with EC keys from others;
#   - the server's name and not its address: it does not find IP addresses in a certificate.
# File and store are put into a folder that only its owner can read, and that is gone at the end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
url='' p12='' ca='' password='' previous=''
for argument; do
  case $previous in
    --url) url=$argument ;;
    --p12) p12=$argument ;;
    --ca) ca=$argument ;;
    --password-file) password=$argument ;;
  esac
  previous=$argument
done

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The key goes from one program to the other in memory. A file that OpenSSL cannot open is taken as it is: it may be old.
openssl pkcs12 -in "$p12" -passin "file:$password" -nodes 2>/dev/null |
  openssl pkcs12 -export -passout "file:$password" -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 \
    -out "$work/mono.p12" 2>/dev/null || cp "$p12" "$work/mono.p12"

trust=$work/.mono/new-certs/Trust
mkdir -p "$trust"
awk -v trust="$trust" '/BEGIN CERTIFICATE/ { n++ } { print > (trust "/" n ".pem") }' "$ca"
openssl rehash "$trust"

named=$(printf %s "$url" | sed 's,//127\.0\.0\.1:,//localhost:,')
XDG_CONFIG_HOME=$work mono "$here/client.exe" "$@" --p12 "$work/mono.p12" --url "$named"
