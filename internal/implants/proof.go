package implants

import (
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// VersionProof is a version of a notification with its evidence and its record in the audit log.
type VersionProof struct {
	Reference    string
	Version      int
	Number       ident.NotificationNumber // zero for a version that was not final
	Type         SurgeryType
	State        State
	Change       Change
	RegisteredAt time.Time
	Digest       [32]byte
	Signer       string
	Organisation ident.NIHII
	Evidence     *Evidence             // nil when none was stored
	AuditRecord  *platform.AuditRecord // nil when the audit log has no matching event
}

// StoredVersion is a version as a verification reads it: with the numbers of persons that were stored, and with what is
// wrong with its rows by themselves.
type StoredVersion struct {
	Seq          int64
	Notification Notification // only Reference and Version if the rows cannot be read
	Evidence     *Evidence    // nil when none was stored
	Digest       [32]byte     // VersionDigest
	Defects      []StoredDefect
}

// StoredDefect says which column of which table of a version is wrong; the column is empty when it is the row.
type StoredDefect struct {
	Table, Column, Detail string
}

// StrayRow is a row that belongs to no version.
type StrayRow struct {
	Table, Reference string
	Version          int
}
