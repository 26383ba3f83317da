package implants

import (
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// CardContent is everything printed on a card: the implant card of one notification or, when Number is zero, the
// patient's cumulative card.
type CardContent struct {
	Number       ident.NotificationNumber
	Patient      platform.Person
	Surgeries    []CardSurgery // one on an implant card; in date order on a patient card
	IssuedAt     time.Time     // when the newest surgery on the card was registered
	Organisation string        // the name of the notifying institution, if any
	Reference    string        // of the notification that was registered last
	Version      int           // its version
}

// CardSurgery is one surgery on a card.
type CardSurgery struct {
	Number       ident.NotificationNumber
	Type         SurgeryType
	Date         ident.Date
	Specialist   platform.Person
	SpecialistID ident.NIHII
	Organisation string
	Prescriber   platform.Person
	Implants     []CardImplant
}

// CardImplant is one line of implanted or removed devices.
type CardImplant struct {
	Implant
	Quantity int    // implanted, or removed
	Reason   string // why it was removed
}
