package register

import (
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file holds what callers ask about notifications that are there already, and what they are answered.

// Of names a notification: by its number, or, also before it has one, by its reference.
type Of struct {
	Number    ident.NotificationNumber
	Reference string
}

// Replacement is other content for a notification: exactly one of Implantation and Explantation, as the notification is.
type Replacement struct {
	Of           Of
	Version      int   // the one that the caller has before him
	Save         State // how far it goes then; as far as it had come, when empty
	Implantation *Implantation
	Explantation *Explantation
	Defects      []*problem.Error
}

// Validation asks to make a prepared notification final.
type Validation struct {
	Reference string
	Version   int
}

// Discarding asks to take a notification back: a draft without more ado, a final one for a reason.
type Discarding struct {
	Of      Of
	Version int
	Reason  string
	Defects []*problem.Error
}

// PendingAsked asks for the notifications that wait: for more of them (Draft), for their specialist (ToValidate), or both.
type PendingAsked struct {
	Page
	State State
}

// NotificationAsked asks for one notification in full.
type NotificationAsked struct {
	Of        Of
	Emergency string // why a doctor without a relation must see it now
	Defects   []*problem.Error
}

// Described is a notification in full.
type Described struct {
	Notification
	Touched []Implant // of an explantation: the implants that it removed, in the order of its removals
	History []Revision
}

// DeviceAsked says which devices of the list are meant; what is empty does not restrict.
type DeviceAsked struct {
	Page
	Text     string // words in name, reference, manufacturer or distributor
	Code     ident.NotificationCode
	UDI      string
	Category string
	Defects  []*problem.Error
}

// Devices is a page of the device list.
type Devices struct {
	Total   int
	Devices []Device
}
