package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// VerificationPath is the path of the page that verifies a card; the token follows.
const VerificationPath = "/verify/"

// macSize is the size of the keyed hash in a token, in bytes: 80 bits, 16 letters and digits.
const macSize = 10

var tokenEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Standing says what a card is worth today.
type Standing int

// The standings. Unknown is also that of a token that is no token.
const (
	Unknown Standing = iota
	Current
	Revised
	Withdrawn
)

// VerificationAddress returns the address in the QR code of an implant card; a patient card has none.
func (i *Issuer) VerificationAddress(ctx context.Context, content *implants.CardContent) (string, error) {
	if content.Number.IsZero() {
		return "", nil
	}
	secret, err := i.loadTokenKey(ctx)
	if err != nil {
		return "", err
	}
	name := content.Number.Digits() + "-" + strconv.Itoa(content.Version)
	return i.Origin + VerificationPath + name + "-" + tokenEncoding.EncodeToString(computeMAC(secret, name)), nil
}

// computeMAC returns the keyed hash of a number and a version.
func computeMAC(secret []byte, name string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("card " + name))
	return mac.Sum(nil)[:macSize]
}

// loadTokenKey returns the key of the tokens, from the store the first time.
func (i *Issuer) loadTokenKey(ctx context.Context) ([]byte, error) {
	i.tokenKey.Lock()
	defer i.tokenKey.Unlock()
	if i.tokenKey.secret != nil {
		return i.tokenKey.secret, nil
	}
	secret, err := i.Store.CardTokenKey(ctx)
	if err == nil && len(secret) < sha256.Size {
		err = errTokenKey
	}
	if err == nil {
		i.tokenKey.secret = secret
	}
	return secret, err
}

// maxTokenBytes bounds a token: a number, a version and the hash.
const maxTokenBytes = 64

// VerifyToken returns the standing of the card with a token. A token that is not ours costs what one of ours does: it
// is compared in constant time, and a number that nothing has is looked up instead of its own.
func (i *Issuer) VerifyToken(ctx context.Context, token string) (Standing, error) {
	secret, err := i.loadTokenKey(ctx)
	if err != nil {
		return Unknown, err
	}
	number, version, isOurs := parseToken(secret, token)
	if !isOurs {
		number, version = ident.NotificationNumber{}, 0
	}
	current, state, err := i.Store.CurrentVersion(ctx, number)
	switch {
	case err != nil || !isOurs || current == 0:
		return Unknown, err
	case state != implants.Final:
		return Withdrawn, nil
	case version != current:
		return Revised, nil
	}
	return Current, nil
}

// parseToken returns the number and the version of a token, and whether the hash is the one that we make of them.
func parseToken(secret []byte, token string) (number ident.NotificationNumber, version int, isOurs bool) {
	if len(token) > maxTokenBytes {
		token = token[:maxTokenBytes]
	}
	name, hash := token, ""
	if end := strings.LastIndexByte(token, '-'); end >= 0 {
		name, hash = token[:end], token[end+1:]
	}
	sent, hashErr := tokenEncoding.DecodeString(strings.ToUpper(hash))
	digits, versionDigits, _ := strings.Cut(name, "-")
	number, numberErr := ident.ParseNotificationNumber(digits)
	version, versionErr := strconv.Atoi(versionDigits)
	// The hash is over what was sent, so that another way to write the same number has another hash.
	isEqual := hmac.Equal(sent, computeMAC(secret, name))
	return number, version, isEqual && hashErr == nil && numberErr == nil && versionErr == nil
}
