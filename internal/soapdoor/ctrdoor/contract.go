package ctrdoor

import (
	"context"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// Config holds what the contract does not say by itself.
type Config struct {
	Registrar *implants.Registrar
	Verifier  *wsse.Verifier
	Schema    *schema.Schema // from ctr.CompileSchema
	PublicURL string         // if empty, the address of the request is used
	// RenderCard makes the PDF of a card. If nil, cards are not signed.
	RenderCard RenderCard
}

// RenderCard makes the PDF of a card that the caller may see.
type RenderCard func(context.Context, implants.CardContent) ([]byte, error)

// NewContract returns the contract of the register of implants, answered by the registrar.
func NewContract(c Config) soapdoor.Contract {
	if c.RenderCard == nil {
		c.RenderCard = func(_ context.Context, content implants.CardContent) ([]byte, error) {
			return card.Render(content, card.Options{})
		}
	}
	return soapdoor.Contract{
		Contract:       ctr.Contract(),
		Title:          "CTR, a register of implants.",
		PublicURL:      c.PublicURL,
		Verifier:       c.Verifier,
		Schema:         c.Schema,
		Namespaces:     ctr.FaultNamespaces(),
		Attachment:     soapdoor.ElementName{Space: ctr.NamespaceCore, Local: "Content"}, // of the card PDF
		IdempotencyKey: soapdoor.ElementName{Space: ctr.NamespaceProtocol, Local: "InputReference"},
		Register:       c.Registrar,
		Handlers:       newHandlers(c.Registrar, c.RenderCard),
	}
}
