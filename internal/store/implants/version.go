package implants

import (
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store/identity"
	"github.com/openctr/ctr/internal/texts"
)

// versionRows are all rows of a stored version.
type versionRows struct {
	notification notificationRow
	implants     []foundImplantRow
	removals     []foundRemovalRow
	warnings     []warningRow
	evidence     *foundEvidenceRow
	// isPendingWrong means that the table pending does not say of the notification what this version says.
	isPendingWrong bool
}

// toNotification converts the rows of a version.
func (rows *versionRows) toNotification(c *identity.Converter) implants.Notification {
	n := rows.notification.toNotification(c)
	for _, row := range rows.implants {
		n.Implants = append(n.Implants, row.toImplant(c))
	}
	for _, row := range rows.removals {
		n.Removals = append(n.Removals, row.toRemoval(c))
	}
	for _, row := range rows.warnings {
		n.Warnings = append(n.Warnings, row.toWarning())
	}
	return n
}

func (row warningRow) toWarning() platform.Warning {
	return platform.Warning{
		Code:   problem.Code(row.Code),
		Path:   platform.Path(row.Path),
		Detail: texts.Decode(row.Facts),
	}
}

// StoredDigest returns the digest of a version that this transaction appended. It converts the rows back, so that it is
// what a verification computes from them.
func (w Writer) StoredDigest(e implants.Evidence) ([32]byte, error) {
	rows := w.appended[versionKey{e.Reference, e.Version}]
	var stored implants.Notification
	err := w.tx.ConvertStored("notification", func(c *identity.Converter) { stored = rows.toNotification(c) })
	if err != nil {
		return [32]byte{}, err
	}
	return implants.VersionDigest(&stored, &e), nil
}
