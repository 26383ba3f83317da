// Package issuer hands out the cards of the register. With a key it signs each card once, keeps it, and hands the same
// bytes out for ever after: the implant card of a version soon after the version is stored, a patient card when it is
// first asked for, and anew when it says something else. It also makes and checks the tokens of the QR codes.
//
// It is separate from package card, which makes bytes of a value and knows no store and no key.
package issuer

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Store keeps cards. The store of the register implements it.
type Store interface {
	RunReadTx(ctx context.Context, f func(implants.Reader) error) error
	// KeptCard returns a signed card that was kept: the implant card of a version or, with a state, a patient card.
	KeptCard(ctx context.Context, reference string, version int, state string) ([]byte, bool, error)
	// KeepCard keeps a card, unless one is kept already, and returns the one that is kept.
	KeepCard(ctx context.Context, reference string, version int, state string, document []byte) ([]byte, error)
	// CardTokenKey returns the key of the tokens; it never changes.
	CardTokenKey(ctx context.Context) ([]byte, error)
	// CurrentVersion returns the newest version of a notification, and its state; 0 when there is none.
	CurrentVersion(context.Context, ident.NotificationNumber) (int, implants.State, error)
}

// Key signs cards.
type Key struct {
	Signer crypto.Signer
	Chain  []*x509.Certificate // the signer's certificate first
	Name   string              // of the signer
}

// Config configures an Issuer.
type Config struct {
	Store  Store
	Key    *Key   // nil: cards are not signed, and made anew each time
	Origin string // of the addresses in QR codes, such as https://ctr.example
	Now    func() time.Time
	Log    *slog.Logger
}

// Issuer hands out cards.
type Issuer struct {
	Config

	registered chan version // waits for the background work
	tokenKey   struct {
		sync.Mutex
		secret []byte
	}
}

// version names the version of a notification whose card waits to be signed.
type version struct {
	reference string
	number    int
}

// maxWaiting bounds the versions that wait. The card of one that finds no place is signed when it is first asked for.
const maxWaiting = 1024

// New returns an Issuer.
func New(c Config) *Issuer { return &Issuer{Config: c, registered: make(chan version, maxWaiting)} }

// Issue returns the card with a content, which the caller was allowed to read.
func (i *Issuer) Issue(ctx context.Context, content implants.CardContent) ([]byte, error) {
	if i.Key == nil || content.Reference == "" {
		address, err := i.VerificationAddress(ctx, &content)
		if err != nil {
			return nil, err
		}
		return card.Render(content, card.Options{Address: address})
	}
	state := ""
	if content.Number.IsZero() {
		state = card.Digest(&content)
	}
	kept, found, err := i.Store.KeptCard(ctx, content.Reference, content.Version, state)
	if err != nil || found {
		return kept, err
	}
	if state == "" {
		content = asRegistered(content)
	}
	address, err := i.VerificationAddress(ctx, &content)
	if err != nil {
		return nil, err
	}
	document, err := card.Render(content, card.Options{Address: address, Signature: &pdfua.Signature{
		Key: i.Key.Signer, Chain: i.Key.Chain, Name: i.Key.Name, SignedAt: i.Now(), Reason: signatureReason,
	}})
	if err != nil {
		return nil, err
	}
	return i.Store.KeepCard(ctx, content.Reference, content.Version, state, document)
}

// signatureReason says what the signature means, for readers that show it.
const signatureReason = "Card issued by the register"

// asRegistered returns the card of a version as it was when the version was registered: what was removed later is on
// the card of the explantation, and on the patient card.
func asRegistered(content implants.CardContent) implants.CardContent {
	content.Surgeries = slices.Clone(content.Surgeries)
	for i := range content.Surgeries {
		surgery := &content.Surgeries[i]
		if surgery.Type != implants.TypeImplantation {
			continue
		}
		surgery.Implants = slices.Clone(surgery.Implants)
		for j := range surgery.Implants {
			surgery.Implants[j].Remaining = surgery.Implants[j].Quantity
		}
	}
	return content
}

// restPerWork is how long the background work rests after each card, in times of the work: it takes at most a fifth of
// one processor from the requests.
const restPerWork = 4

// Run signs the cards of the versions that Watch noticed, until ctx ends.
func (i *Issuer) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-i.registered:
			begun := i.Now()
			if err := i.issueVersion(ctx, v); err != nil && ctx.Err() == nil {
				i.Log.WarnContext(ctx, "card not signed yet: it will be when it is asked for",
					slog.String("error", err.Error()))
			}
			if !waitFor(ctx, restPerWork*i.Now().Sub(begun)) {
				return
			}
		}
	}
}

// waitFor waits, and reports whether ctx goes on.
func waitFor(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(min(duration, time.Second)) // at most, when the clock was set
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// issueVersion signs the card of a version, unless a newer one replaced it.
func (i *Issuer) issueVersion(ctx context.Context, v version) error {
	var content implants.CardContent
	isCurrent := false
	err := i.Store.RunReadTx(ctx, func(r implants.Reader) error {
		n, found, err := r.NotificationByReference(v.reference)
		if isCurrent = found && n.Version == v.number && n.State == implants.Final; err != nil || !isCurrent {
			return err
		}
		content, err = implants.BuildCard(r, n.Patient, n.Number, []implants.Notification{n})
		return err
	})
	if err != nil || !isCurrent {
		return err
	}
	_, err = i.Issue(ctx, content)
	return err
}

// errTokenKey means that the key of the tokens is too short to be one.
var errTokenKey = errors.New("the key of the tokens of cards is damaged")
