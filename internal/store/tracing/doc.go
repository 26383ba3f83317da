// Package tracing answers the operator's questions about all implants at once: which of them a recall concerns, and the
// statistics of the register.
//
// It is separate from package implants of the store because it only reads what that package stores, by other ways: it
// starts from the implants, not from a patient or a notification.
package tracing

import "github.com/openctr/ctr/internal/store/identity"

// Reports implements what the domain declares for recalls and statistics.
type Reports struct{ db *identity.DB }

// NewReports returns the reports of a register.
func NewReports(db *identity.DB) Reports { return Reports{db} }
