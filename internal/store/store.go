// Package store opens the storage of the register in SQLite or in PostgreSQL. Open is the entry point.
//
// It is the front of the packages below it, which contain all SQL of the program: engine runs transactions, identity
// keeps who the persons are, platform stores what all registers share, implants stores the register of implants, and
// tracing answers the operator's questions about it.
// The packages implement the interfaces that the domain declares, so they depend on the domain, but not on XML, HTTP or
// authorisation. One suite, package storetest, tests both engines against the same contract.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	implantstore "github.com/openctr/ctr/internal/store/implants"
	"github.com/openctr/ctr/internal/store/numbers"
	platformstore "github.com/openctr/ctr/internal/store/platform"
	"github.com/openctr/ctr/internal/store/postgresurl"
	"github.com/openctr/ctr/internal/store/tracing"
)

// WatermarkFileName is the name of the file with the watermark of notification numbers in the directory of a service.
const WatermarkFileName = numbers.FileName

//go:embed migrations
var migrationFiles embed.FS

// ErrUnverifiedServer means that the identity of a database server on another machine would not be verified.
var ErrUnverifiedServer = postgresurl.ErrUnverifiedServer

// ErrNoKeyFile reports that there is no key file where one must exist for a new register.
var ErrNoKeyFile = identity.ErrNoKeyFile

// Config locates the database and the key file.
type Config struct {
	// URL of a PostgreSQL database, postgres://…; when empty, the register is an SQLite file in Directory.
	URL string
	// AllowUnverified permits a PostgreSQL server on another machine without sslmode=verify-full.
	AllowUnverified bool
	// WatermarkFile is the path of the file with the watermark of notification numbers; there is none if empty, for a
	// program that gives no numbers.
	WatermarkFile string
	// Limit bounds a transaction whose context has no earlier deadline; an hour if zero.
	Limit time.Duration
	// Log gets what the operator must know about the database; discards if nil.
	Log *slog.Logger
	// Watch watches the files of SQLite and checks their pages, for a service.
	Watch bool
	// OnEvent gets each event of the audit log after its commit; nil for nobody.
	OnEvent func(auditlog.JournalEntry)
	// Directory of the SQLite file ctr.sqlite. Both are created if they do not exist.
	Directory string
	// KeyFile is the path of the key file, by default keys.json in Directory. It is created for a new register.
	KeyFile string
	// KeyFileMustExist says not to create it: Open fails with ErrNoKeyFile.
	KeyFileMustExist bool
	// IsCredential says that the service manager provides the key file and protects it. Nothing creates or changes it.
	IsCredential bool
}

// DB is an open register. It implements the Store of the domain.
type DB struct {
	identity.Keys
	platformstore.Store
	implantstore.Register
	tracing.Reports
	engine  *engine.DB
	persons *identity.DB
	numbers *numbers.Watermark // nil without a file
	// unsealed counts the rows that gave no right, because their seal was not good.
	unsealed *unsealedRows
}

// Open opens the register and migrates its schema. It rejects a database with the schema of a newer program.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.KeyFile == "" {
		if c.Directory == "" && engine.IsPostgresURL(c.URL) {
			return nil, errors.New("the key file is not given")
		}
		c.KeyFile = filepath.Join(c.Directory, identity.KeyFileName)
	}
	migrations, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	e, err := engine.Open(ctx, engine.Config{
		URL: c.URL, AllowUnverified: c.AllowUnverified, Directory: c.Directory, Limit: c.Limit, Log: c.Log,
		Watch: c.Watch, Migrations: migrations,
	})
	if err != nil {
		return nil, err
	}
	persons, err := identity.Open(ctx, e, identity.KeyFile{Path: c.KeyFile, MustExist: c.KeyFileMustExist,
		IsCredential: c.IsCredential}, platformstore.RightsTables())
	if err == nil {
		err = persons.Upgrade(ctx, upgradePurposes)
	}
	unsealed := newUnsealedRows(c.Log)
	if err == nil {
		persons.OnUnsealed(unsealed.countRow)
		err = unsealed.sealFormer(ctx, persons)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	persons.OnEvent(c.OnEvent)
	db := &DB{
		persons.Keys(), platformstore.NewStore(persons), implantstore.NewRegister(persons), tracing.NewReports(persons), e,
		persons, nil, unsealed,
	}
	if c.WatermarkFile != "" {
		hasNumbers := func() (bool, error) { return db.HasNumbers(ctx) }
		if db.numbers, err = numbers.Open(c.WatermarkFile, c.Log, hasNumbers); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return db, nil
}

func upgradePurposes(tx *identity.Tx) error {
	if err := platformstore.UpgradePurposes(tx); err != nil {
		return err
	}
	return implantstore.UpgradePurposes(tx)
}

// ResealTexts seals everything that a former data key sealed with the newest one, and returns the number of texts. The
// audit log keeps its texts as they are, because its hash chain covers them in sealed form.
func (db *DB) ResealTexts(ctx context.Context) (int, error) {
	persons, err := db.ResealPersons(ctx)
	if err != nil {
		return persons, err
	}
	texts, err := db.Register.ResealTexts(ctx)
	return persons + texts, err
}

// Close finishes the accepted writes and closes the database.
func (db *DB) Close() error { return errors.Join(db.engine.Close(), db.numbers.Close()) }

// CheckReady reports, within two seconds, whether the store can accept a write now.
func (db *DB) CheckReady(ctx context.Context) error { return db.engine.CheckReady(ctx) }

// Status is what the operator of an open database should know.
type Status struct {
	engine.Status
	// NumberSkips counts how often notification numbers were left out, because they may have been given already.
	NumberSkips uint64
	// UnsealedRows counts how often a row gave no right, because it was not as the program wrote it.
	UnsealedRows uint64
}

// Status returns what the operator should know.
func (db *DB) Status() Status {
	return Status{db.engine.Status(), db.numbers.Skips(), db.unsealed.count.Load()}
}

// RaiseNumbers makes the next notification number exceed all that this service may have given, because the database has
// lost something.
func (db *DB) RaiseNumbers() { db.numbers.Raise() }

// GrantTo gives a role of PostgreSQL what the service needs. The role that migrates the schema calls it.
func (db *DB) GrantTo(ctx context.Context, role string) error { return db.engine.GrantTo(ctx, role) }

// RunReadTx runs f over one consistent view.
func (db *DB) RunReadTx(ctx context.Context, f func(implants.Reader) error) error {
	return db.persons.Read(ctx, func(tx *identity.Tx) error { return f(implantstore.NewReader(tx)) })
}

// RunWriteTx runs f in one transaction, as the domain's Store specifies. It fails with OVERLOADED when too many writes
// wait, and with STORE_UNAVAILABLE when the database is unreachable, silent or damaged, or cannot store anything. After
// both, a retry with the same idempotency key is safe.
func (db *DB) RunWriteTx(ctx context.Context, f func(implants.Writer) error) error {
	return db.persons.Write(ctx, func(tx *identity.Tx) error {
		w := implantstore.NewWriter(tx)
		w.Numbers = db.numbers
		return f(w)
	})
}
