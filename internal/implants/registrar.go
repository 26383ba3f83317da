package implants

import (
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
)

// Registrar implements the operations of the register. Every entry point calls it; it authorises each request, applies
// the rules, stores the result and records the audit event.
type Registrar struct {
	*access.Service
	runner              platform.Runner[Reader, Writer]
	newID               func() string
	requireCareRelation bool
}

// Config holds the dependencies and settings of a Registrar.
type Config struct {
	Store Store
	Now   func() time.Time
	// NewID makes references and implant IDs. They must be unique and unpredictable.
	NewID func() string
	// Location is the time zone in which a day begins: Europe/Brussels for the Belgian register.
	Location *time.Location
	// RequireCareRelation also requires an existing care relation on the surgery date to submit a final notification.
	RequireCareRelation bool
}

// New creates a Registrar.
func New(c Config) *Registrar {
	return &Registrar{
		Service: access.New(access.Config{Store: platform.Narrow(c.Store), Now: c.Now, Location: c.Location}),
		runner:  platform.Runner[Reader, Writer]{Store: c.Store, Now: c.Now, Location: c.Location},
		newID:   c.NewID, requireCareRelation: c.RequireCareRelation,
	}
}
