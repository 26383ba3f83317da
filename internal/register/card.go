package register

import (
	"time"

	"github.com/openctr/ctr/internal/register/ident"
)

// CardContent is all that stands on a card: the implant card of one notification, or, when Number is zero, the
// patient's cumulative card.
type CardContent struct {
	Number       ident.NotificationNumber
	Patient      Person
	Operations   []CardOperation // one for an implant card; in the order of their dates for the patient card
	IssuedAt     time.Time       // the registration of the newest operation on it
	Organisation string          // the name of the institution that notified, where one did
}

// CardOperation is one operation on a card.
type CardOperation struct {
	Number       ident.NotificationNumber
	Type         OperationType
	Date         ident.Date
	Specialist   Person
	SpecialistID ident.NIHII
	Organisation string
	Prescriber   Person
	Implants     []CardImplant
}

// CardImplant is one line of implants placed or removed.
type CardImplant struct {
	Implant
	Quantity int    // placed, or removed
	Reason   string // of the removal
}
