package implants

import (
	"context"
	"errors"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// This file reads what a verification of the register compares. A row that cannot be read is a defect of its version;
// the other versions are still read.

// LastVersion returns the sequence number below which no other version can appear.
func (s Register) LastVersion(ctx context.Context) (int64, error) {
	var last int64
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		if _, err := tx.SelectRow(&last, `SELECT COALESCE(MAX(seq), 0) FROM notification`); err != nil {
			return err
		}
		settled, err := tx.WaitForInserts("notification")
		if err == nil && !settled {
			err = tx.RecordError(errors.New("a transaction that stores a version does not end"))
		}
		return err
	})
	return last, err
}

// StoredVersions reads up to limit versions after a sequence number, in the order in which they were stored.
func (s Register) StoredVersions(ctx context.Context, after int64, limit int) ([]implants.StoredVersion, error) {
	var keys []versionSeq
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		return tx.SelectRows(&keys, `SELECT seq, reference, version FROM notification WHERE seq > ? ORDER BY seq LIMIT ?`,
			after, limit)
	})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	p, err := s.loadPage(ctx, after, keys[len(keys)-1].Seq)
	if err == nil {
		return p.versions, nil
	}
	page := make([]implants.StoredVersion, len(keys))
	for i, key := range keys { // one of them cannot be read: find it
		if err = ctx.Err(); err != nil {
			return nil, err //nolint:wrapcheck // of this call
		}
		page[i] = s.loadAlone(ctx, key)
	}
	return page, nil
}

// StoredVersion reads one version.
func (s Register) StoredVersion(ctx context.Context, reference string, version int,
) (implants.StoredVersion, bool, error) {
	key := versionSeq{versionKey: versionKey{reference, version}}
	found := false
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		found, err = tx.SelectRow(&key.Seq, `SELECT seq FROM notification WHERE reference = ? AND version = ?`,
			reference, version)
		return err
	})
	if err != nil || !found {
		return implants.StoredVersion{}, false, err
	}
	return s.loadAlone(ctx, key), true, nil
}

// IsSamePerson reports whether two numbers are numbers of the same person.
func (s Register) IsSamePerson(ctx context.Context, one, other ident.SSIN) (bool, error) {
	same := false
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		same = false
		for _, purpose := range identity.AllPurposes() {
			p, err := tx.FindPerson(purpose, one)
			if err != nil {
				return err
			}
			q, err := tx.FindPerson(purpose, other)
			if err != nil {
				return err
			}
			same = same || p != nil && q != nil && p.Current.SSIN == q.Current.SSIN
		}
		return nil
	})
	return same, err
}

type versionSeq struct {
	Seq int64 `db:"seq"`
	versionKey
}

// loadAlone reads one version, which has a defect if it cannot be read.
func (s Register) loadAlone(ctx context.Context, key versionSeq) implants.StoredVersion {
	p, err := s.loadPage(ctx, key.Seq-1, key.Seq)
	if err == nil && len(p.versions) == 1 {
		return p.versions[0]
	}
	return implants.StoredVersion{
		Seq:          key.Seq,
		Notification: implants.Notification{Reference: key.Reference, Version: key.Version},
		Defects:      []implants.StoredDefect{{Table: p.table, Detail: "a row of the version cannot be read"}},
	}
}

// versionPage reads the versions after one sequence number up to another.
type versionPage struct {
	tx          *identity.Tx
	after, last int64
	table       string // that is being read
	rows        []*versionRows
	byKey       map[versionKey]*versionRows
	versions    []implants.StoredVersion
}

func (s Register) loadPage(ctx context.Context, after, last int64) (*versionPage, error) {
	p := &versionPage{after: after, last: last}
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		*p = versionPage{tx: tx, after: after, last: last, byKey: make(map[versionKey]*versionRows)}
		return p.load()
	})
	return p, err
}

const inRange = ` WHERE n.seq > ? AND n.seq <= ? ORDER BY n.seq`

// load reads each table and converts its rows before the next, so that table names the one that cannot be read.
func (p *versionPage) load() error {
	var notifications []notificationRow
	if err := p.selectRows("notification", &notifications, selectNotifications+inRange); err != nil {
		return err
	}
	for _, row := range notifications {
		rows := &versionRows{notification: row}
		p.rows, p.byKey[row.versionKey] = append(p.rows, rows), rows
	}
	if err := p.convert(func(v *implants.StoredVersion, rows *versionRows, c *identity.Converter) {
		*v = implants.StoredVersion{Seq: rows.notification.Seq, Notification: rows.notification.toNotification(c)}
	}); err != nil {
		return err
	}
	for _, load := range []func(*versionPage) error{
		(*versionPage).loadImplants, (*versionPage).loadRemovals, (*versionPage).loadWarnings, (*versionPage).loadEvidence,
		(*versionPage).checkSubmissions, (*versionPage).checkPending,
	} {
		if err := load(p); err != nil {
			return err
		}
	}
	for i := range p.versions {
		v := &p.versions[i]
		evidence := implants.Evidence{}
		if v.Evidence != nil {
			evidence = *v.Evidence
		}
		v.Digest = implants.VersionDigest(&v.Notification, &evidence)
	}
	return nil
}

func (p *versionPage) selectRows(table string, dest any, query string) error {
	p.table = table
	return p.tx.SelectRows(dest, query, p.after, p.last)
}

// convert calls f with each version and its rows.
func (p *versionPage) convert(f func(*implants.StoredVersion, *versionRows, *identity.Converter)) error {
	return p.tx.ConvertStored(p.table, func(c *identity.Converter) {
		if p.versions == nil {
			p.versions = make([]implants.StoredVersion, len(p.rows))
		}
		for i, rows := range p.rows {
			f(&p.versions[i], rows, c)
		}
	})
}

func addDefect(v *implants.StoredVersion, table, column, detail string) {
	v.Defects = append(v.Defects, implants.StoredDefect{Table: table, Column: column, Detail: detail})
}

// checkLine checks that the lines of a version are numbered 1, 2, 3 …
func checkLine(v *implants.StoredVersion, table string, i, line int) {
	if line != i+1 {
		addDefect(v, table, "line", "the lines of a version are numbered from 1 without a gap")
	}
}

func (p *versionPage) loadImplants() error {
	var found []foundImplantRow
	err := p.selectRows("implant", &found, `SELECT `+implantTable.Columns("i")+`, n.patient FROM notification n
		JOIN implant i ON i.reference = n.reference AND i.version = n.version`+inRange+`, i.line`)
	if err != nil {
		return err
	}
	for _, row := range found {
		rows := p.byKey[row.versionKey]
		rows.implants = append(rows.implants, row)
	}
	err = p.convert(func(v *implants.StoredVersion, rows *versionRows, c *identity.Converter) {
		v.Notification.Implants = nil
		for _, row := range rows.implants {
			v.Notification.Implants = append(v.Notification.Implants, row.toImplant(c))
		}
	})
	for i, rows := range p.rows {
		for j, row := range rows.implants {
			checkLine(&p.versions[i], "implant", j, row.Line)
		}
	}
	return err
}

func (p *versionPage) loadRemovals() error {
	var found []foundRemovalRow
	if err := p.selectRows("removal", &found, selectRemovals+inRange+`, r.line`); err != nil {
		return err
	}
	for _, row := range found {
		rows := p.byKey[row.versionKey]
		rows.removals = append(rows.removals, row)
	}
	err := p.convert(func(v *implants.StoredVersion, rows *versionRows, c *identity.Converter) {
		v.Notification.Removals = nil
		for _, row := range rows.removals {
			v.Notification.Removals = append(v.Notification.Removals, row.toRemoval(c))
		}
	})
	for i, rows := range p.rows {
		for j, row := range rows.removals {
			checkLine(&p.versions[i], "removal", j, row.Line)
			if row.SurgeryDate != rows.notification.SurgeryDate {
				addDefect(&p.versions[i], "removal", "operation_date", "it is not the notification's")
			}
		}
	}
	return err
}

func (p *versionPage) loadWarnings() error {
	var found []warningRow
	err := p.selectRows("warning", &found, `SELECT `+warningTable.Columns("w")+` FROM notification n
		JOIN warning w ON w.reference = n.reference AND w.version = n.version`+inRange+`, w.line`)
	if err != nil {
		return err
	}
	for _, row := range found {
		rows := p.byKey[row.versionKey]
		rows.warnings = append(rows.warnings, row)
	}
	for i, rows := range p.rows {
		v := &p.versions[i]
		for j, row := range rows.warnings {
			v.Notification.Warnings = append(v.Notification.Warnings, row.toWarning())
			checkLine(v, "warning", j, row.Line)
		}
	}
	return nil
}

func (p *versionPage) loadEvidence() error {
	var found []foundEvidenceRow
	err := p.selectRows("evidence", &found, `SELECT `+evidenceTable.Columns("e")+`, n.patient FROM notification n
		JOIN evidence e ON e.reference = n.reference AND e.version = n.version`+inRange)
	if err != nil {
		return err
	}
	for i := range found {
		p.byKey[found[i].versionKey].evidence = &found[i]
	}
	err = p.convert(func(v *implants.StoredVersion, rows *versionRows, c *identity.Converter) {
		if rows.evidence != nil {
			evidence := rows.evidence.toEvidence(c)
			v.Evidence = &evidence
		}
	})
	for i, rows := range p.rows {
		v := &p.versions[i]
		if rows.evidence != nil && !time.Time(rows.evidence.Accepted).Equal(v.Notification.RegisteredAt) {
			addDefect(v, "evidence", "accepted", "it is not the notification's registered_at")
		}
	}
	return err
}

// checkSubmissions checks that the InputReference of a version leads to it.
func (p *versionPage) checkSubmissions() error {
	p.table = "submission"
	for i, rows := range p.rows {
		v := &p.versions[i]
		if v.Notification.InputReference == "" {
			continue
		}
		found, err := submittedVersion(p.tx, []any{rows.notification.Signer}, v.Notification.InputReference)
		if err != nil {
			return err
		}
		if found != rows.notification.versionKey {
			addDefect(v, "submission", "", "the InputReference of the version does not lead to it")
		}
	}
	return nil
}

type foundPendingRow struct {
	Seq        int64  `db:"seq"`
	Waiting    string `db:"waiting"` // the reference, empty if there is no row
	Specialist int64  `db:"specialist"`
	Author     int64  `db:"author"`
	Hospital   string `db:"organisation"`
}

// checkPending checks that a notification that waits is in the table of those that wait, as its newest version says.
func (p *versionPage) checkPending() error {
	var found []foundPendingRow
	err := p.selectRows("pending", &found, `SELECT n.seq, COALESCE(p.reference, '') AS waiting,
		COALESCE(p.specialist, 0) AS specialist, COALESCE(p.author, 0) AS author,
		COALESCE(p.organisation, '') AS organisation FROM notification n
		LEFT JOIN pending p ON p.reference = n.reference WHERE n.seq > ? AND n.seq <= ?
		AND n.state IN ('Draft', 'ToValidate')`+andNewestVersion+` ORDER BY n.seq`)
	if err != nil {
		return err
	}
	pending := make(map[int64]foundPendingRow, len(found))
	for _, row := range found {
		pending[row.Seq] = row
	}
	_, err = identity.ConvertRows(p.tx, p.rows, p.table, func(rows *versionRows, c *identity.Converter) bool {
		row, waits := pending[rows.notification.Seq]
		n := &rows.notification
		rows.isPendingWrong = waits && (row.Waiting == "" || row.Hospital != n.Organisation ||
			c.SSIN(row.Specialist) != c.SSIN(n.Specialist) || c.SSIN(row.Author) != c.SSIN(n.Author))
		return rows.isPendingWrong
	})
	for i, rows := range p.rows {
		if rows.isPendingWrong {
			addDefect(&p.versions[i], "pending", "", "the notification waits, and the table does not say so")
		}
	}
	return err
}

// maxStrays bounds the rows that StrayRows returns for each table.
const maxStrays = 100

const noVersion = ` t WHERE NOT EXISTS (SELECT 1 FROM notification n WHERE n.reference = t.reference
	AND n.version = t.version) LIMIT ?`

// strayQueries find rows that belong to no version. Their cost must be in proportion to the rows: a caller may have
// made most of them.
var strayQueries = []struct{ table, query string }{
	{"implant", `SELECT reference, version FROM implant` + noVersion},
	{"removal", `SELECT reference, version FROM removal` + noVersion},
	{"warning", `SELECT reference, version FROM warning` + noVersion},
	{"evidence", `SELECT reference, version FROM evidence` + noVersion},
	{"submission", `SELECT t.reference, t.version FROM submission t LEFT JOIN notification n ON n.reference = t.reference
		AND n.version = t.version WHERE n.seq IS NULL OR n.signer <> t.signer OR length(n.input_reference) = 0 LIMIT ?`},
	{"submission", `SELECT reference, version FROM submission GROUP BY signer, reference, version
		HAVING COUNT(*) > 1 LIMIT ?`},
	{"pending", `SELECT p.reference, 0 AS version FROM pending p WHERE NOT EXISTS (SELECT 1 FROM notification n
		WHERE n.reference = p.reference AND n.state IN ('Draft', 'ToValidate')` + andNewestVersion + `) LIMIT ?`},
}

// StrayRows returns rows that belong to no version.
func (s Register) StrayRows(ctx context.Context) ([]implants.StrayRow, error) {
	var all []implants.StrayRow
	for _, stray := range strayQueries {
		var rows []versionKey
		err := s.db.Read(ctx, func(tx *identity.Tx) error {
			rows = nil
			return tx.SelectRows(&rows, stray.query, maxStrays)
		})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			all = append(all, implants.StrayRow{Table: stray.table, Reference: row.Reference, Version: row.Version})
		}
	}
	return all, nil
}

// LastVersionBefore returns a sequence number after which are the versions that were registered since a time.
func (s Register) LastVersionBefore(ctx context.Context, at time.Time) (int64, error) {
	var seq int64
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		seq, err = platformstore.FindSeqAt(tx, "notification", "registered_at", at)
		return err
	})
	return max(seq-1, 0), err
}
