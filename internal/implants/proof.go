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
