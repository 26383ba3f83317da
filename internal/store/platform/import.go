package platform

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

type sourceVersionRow struct {
	ID       int64            `db:"id"`
	Kind     string           `db:"kind"`
	Name     string           `db:"name"`
	Sequence int64            `db:"sequence"`
	Format   string           `db:"form"`
	Day      string           `db:"day"`
	Rows     int              `db:"row_count"`
	Digest   []byte           `db:"digest"`
	LoadedAt engine.Timestamp `db:"loaded_at"`
}

var sourceVersionTable = engine.NewTable[sourceVersionRow]("source_version", engine.OnConflict{})

func (row sourceVersionRow) toSourceVersion(c *identity.Converter) platform.SourceVersion {
	return platform.SourceVersion{
		ID:       row.ID,
		Kind:     row.Kind,
		Name:     row.Name,
		Sequence: row.Sequence,
		Format:   row.Format,
		AsOf:     c.ParseDate(row.Day),
		Rows:     row.Rows,
		Digest:   row.Digest,
		LoadedAt: time.Time(row.LoadedAt),
	}
}

// SourceVersions returns the imported extracts of a kind, or of all kinds when kind is empty, oldest first.
func (s Store) SourceVersions(ctx context.Context, kind string) (found []platform.SourceVersion, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		where := &engine.Conditions{}
		where.Add(`id > 0`)
		where.AddIfSet(`kind = ?`, kind)
		found, err = identity.QueryAll(
			tx,
			"source_version",
			sourceVersionRow.toSourceVersion,
			sourceVersionTable.Select()+
				` WHERE `+where.String()+` ORDER BY id`,
			where.Args...)
		return err
	})
	return found, err
}

// InsertSourceVersion records the extract. It fails with implants.ErrSourcesChanged when the comparison is out of date.
func (w Writer) InsertSourceVersion(i *implants.Import) error {
	if err := w.tx.Lock("import"); err != nil {
		return err
	}
	var last struct {
		OfKind int64 `db:"of_kind"`
		OfAll  int64 `db:"of_all"`
	}
	_, err := w.tx.SelectRow(&last,
		`SELECT COALESCE(MAX(CASE WHEN kind = ? THEN id END), 0) AS of_kind, COALESCE(MAX(id), 0) AS of_all
		FROM source_version`, i.Kind)
	if err != nil {
		return err
	}
	if last.OfKind != i.ComparedWith {
		return platform.ErrSourcesChanged
	}
	_, err = sourceVersionTable.InsertNow(w.tx.Tx, sourceVersionRow{
		ID:       last.OfAll + 1,
		Kind:     i.Kind,
		Name:     i.Name,
		Sequence: i.Sequence,
		Format:   i.Format,
		Day:      i.AsOf.String(),
		Rows:     i.Rows,
		Digest:   i.Digest,
		LoadedAt: engine.Timestamp(i.LoadedAt),
	})
	return err
}
