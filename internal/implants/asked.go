package implants

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// This file holds the requests about existing notifications, and their results.

// NotificationRef identifies a notification by its number or, also before it has one, by its reference.
type NotificationRef struct {
	Number    ident.NotificationNumber
	Reference string
}

// ReviseRequest holds new content for a notification: exactly one of Implantation and Explantation, of the type that
// the notification has.
type ReviseRequest struct {
	Notification NotificationRef
	Version      int   // the version that the caller has read
	Save         State // the new state; empty keeps the current one
	Implantation *Implantation
	Explantation *Explantation
	Defects      []*problem.Error
}

// ValidateRequest makes a prepared notification final.
type ValidateRequest struct {
	Reference string
	Version   int
}

// DiscardRequest withdraws a notification. A final one needs a reason; a draft does not.
type DiscardRequest struct {
	Notification NotificationRef
	Version      int
	Reason       string
	Defects      []*problem.Error
}

// ListPendingRequest selects pending notifications by state: Draft, ToValidate or, when empty, both.
type ListPendingRequest struct {
	platform.Page
	State State
}

// NotificationRequest selects one notification to be returned in full.
type NotificationRequest struct {
	Notification NotificationRef
	EmergencyClaim
	Defects []*problem.Error
}

// NotificationDetail is a notification in full.
type NotificationDetail struct {
	Notification
	AffectedImplants []Implant // of an explantation: the removed implants, in the order of its removals
	History          []VersionSummary
}

// SearchDeviceRequest filters the device list. Empty fields do not restrict.
type SearchDeviceRequest struct {
	platform.Page
	Text     string // words in name, reference, manufacturer or distributor
	Code     ident.NotificationCode
	UDI      string
	Category string
	Defects  []*problem.Error
}

// SearchDeviceResult is a page of the device list.
type SearchDeviceResult struct {
	Total   int
	Devices []Device
}
