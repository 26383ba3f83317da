package operator

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
)

// SealStore seals its audit log.
type SealStore interface {
	auditlog.Reader
	SealAuditLog(ctx context.Context, now time.Time, minInterval time.Duration) ([]auditlog.Checkpoint, error)
}

// SealAuditLog seals the newest events while a service may be running, and writes to the anchor file that the service
// uses in its data directory.
func SealAuditLog(ctx context.Context, db SealStore, directory string, now time.Time) error {
	anchor, err := auditlog.OpenSharedAnchor(filepath.Join(directory, auditlog.AnchorFileName))
	if err != nil {
		return err
	}
	made, err := db.SealAuditLog(ctx, now, 0)
	if err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	return anchor.AppendMissing(ctx, db, made)
}
