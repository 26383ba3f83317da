# The register's operations with bash, curl, openssl, xmlsec1 and xmllint. To be sourced. This is the file to copy, with
# envelope.xml and the messages; here is the folder in which they lie.

readonly PROTOCOL=urn:be:fgov:ehealth:ctr:protocol:v1
readonly WSU=http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd
readonly WSSE=http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd

# open_register URL CA P12 PASSWORD-FILE SOAP-VERSION FOLDER reads the key, and keeps it in the folder, which nobody else may
# read: xmlsec1 and curl want files.
open_register() {
  url=$1 ca=$2 soap=$5 folder=$6
  # A file of the eHealth platform holds a second key, for decryption; the name of each stands above it in openssl's output.
  # OpenSSL 3 reads files of older programs (RC2) with -legacy only.
  openssl pkcs12 -in "$3" -passin "file:$4" -nodes | awk -v folder="$folder" '
    /^Bag Attributes/ { name = "" }
    /^ *friendlyName: / { name = $2 }
    /^-----BEGIN/ && name == "authentication" { file = folder (/PRIVATE KEY/ ? "/key.pem" : "/certificate.pem") }
    file { print >file }
    /^-----END/ { file = "" }'
  [ -s "$folder/key.pem" ] && [ -s "$folder/certificate.pem" ] || { echo "$3 holds no key named authentication" >&2; return 1; }

  # The token is the certificate's base64 without its PEM frame.
  token=$(openssl x509 -in "$folder/certificate.pem" | sed '/^-----/d' | tr -d '\n')
  if openssl x509 -in "$folder/certificate.pem" -noout -text | grep -q 'Public Key Algorithm: id-ecPublicKey'; then
    key=EC algorithm=http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256
  else
    key=RSA algorithm=http://www.w3.org/2001/04/xmldsig-more#rsa-sha256
  fi

  case $soap in
    1.1) envelope=http://schemas.xmlsoap.org/soap/envelope/ ;;
    1.2) envelope=http://www.w3.org/2003/05/soap-envelope ;;
    *) echo "SOAP $soap is neither 1.1 nor 1.2" >&2; return 1 ;;
  esac

  # xmlsec1 of 1.3 and later does not take the key that it is given when KeyInfo refers to another place, unless told to.
  case $(xmlsec1 --version) in
    'xmlsec1 1.2.'*) lax=() ;;
    *) lax=(--lax-key-search) ;;
  esac
}

# call OPERATION MESSAGE [NAME=VALUE]... fills in a message, signs it and sends it. The answer is left in reply.xml of the
# folder. Fails when the answer is a fault, or none has come.
call() {
  local operation=$1 message=$2 now
  shift 2
  rm -f "$folder/reply.xml" # so that no older answer is taken for this one's
  now=$(instant now)
  fill "$(<"$here/messages/$message")" "ID=_$(openssl rand -hex 16)" "NOW=$now" "$@"
  local body=$filled
  fill "$(<"$here/envelope.xml")" "SOAP=$envelope" "TOKEN=$token" "CREATED=$now" "EXPIRES=$(instant '60 seconds')" "ALGORITHM=$algorithm"
  printf '%s' "${filled/@BODY@/"$body"}" >"$folder/request.xml"

  # xmlsec1 reads no schema, and must be told which attributes are ids.
  xmlsec1 --sign "${lax[@]}" --privkey-pem "$folder/key.pem" --output "$folder/signed.xml" \
    --id-attr:Id "$envelope:Body" --id-attr:Id "$WSU:Timestamp" --id-attr:Id "$WSSE:BinarySecurityToken" "$folder/request.xml" || return

  local headers=(--header 'Content-Type: text/xml; charset=utf-8' --header "SOAPAction: \"$PROTOCOL:${operation^}\"")
  if [ "$soap" = 1.2 ]; then
    headers=(--header "Content-Type: application/soap+xml; charset=utf-8; action=\"$PROTOCOL:${operation^}\"")
  fi
  # --cacert alone adds to the authorities of the machine; --capath takes those away. --data would take line ends away.
  curl --silent --show-error --max-time 20 --noproxy '*' --cacert "$ca" --capath /dev/null "${headers[@]}" \
    --data-binary "@$folder/signed.xml" --output "$folder/reply.xml" "$url" || return
  [ "$(xpath "local-name(/*/*[local-name()='Body']/*)")" = "${operation^}Response" ]
}

# fill TEXT [NAME=VALUE]... sets filled to the text with each @NAME@ replaced by its value, escaped as XML asks.
fill() {
  filled=$1
  shift
  local pair value
  for pair in "$@"; do
    value=${pair#*=}
    value=${value//&/'&amp;'} value=${value//</'&lt;'} value=${value//\"/'&quot;'}
    filled=${filled//@${pair%%=*}@/"$value"}
  done
}

# instant WHEN writes an instant as XML does, in UTC.
instant() { date --utc --date "$1" +%Y-%m-%dT%H:%M:%SZ; }

# xpath EXPRESSION evaluates it in the answer.
xpath() { xmllint --noout --xpath "$1" "$folder/reply.xml"; }

# value NAME... is the text of the first element below others, all by their local names: value Receipt Version.
value() {
  local path
  printf -v path "/*[local-name()='%s']" "$@"
  xpath "string(/$path)"
}

# What a fault tells: its code, its words in English, and a line for each broken rule, with the place.
fault_code() { xpath "string(//*[local-name()='BusinessError' or local-name()='SystemError']/Code)"; }
fault_message() { xpath "string(//*[local-name()='BusinessError' or local-name()='SystemError']/Message[@xml:lang='en'])"; }
violations() {
  local i one
  for ((i = 1; i <= $(xpath "count(//*[local-name()='Violation'])"); i++)); do
    one="(//*[local-name()='Violation'])[$i]"
    xpath "concat($one/@Code, ' ', $one/@Path)"
  done
}
