// Package tracing answers the operator's questions about the whole register at once: which implants a recall concerns,
// its statistics, and what became of the surgeries that opened data to their specialists.
//
// It is separate from package implants of the store because it only reads what that package stores, by other ways: it
// starts from the implants or from the audit log, not from a patient or a notification.
package tracing

import "github.com/openctr/ctr/internal/store/identity"

// Reports implements what the domain declares for recalls and statistics, and the review of own surgeries.
type Reports struct{ db *identity.DB }

// NewReports returns the reports of a register.
func NewReports(db *identity.DB) Reports { return Reports{db} }
