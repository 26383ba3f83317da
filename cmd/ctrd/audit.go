package main

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/countersign"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/terminal"
)

// auditCommands export and verify the audit log.
type auditCommands struct {
	Verify       verifyCommand       `cmd:"" help:"Verify that no event of the audit log was changed, added or removed."`
	Export       exportCommand       `cmd:"" help:"Export the audit log: all of it, or the events about one patient."`
	Emergencies  emergenciesCommand  `cmd:"" help:"List requests that gave an emergency as the reason."`
	OwnOperation ownOperationCommand `cmd:"" help:"List the reads that only the reader's own operation opened, to review them."`
	Key          keyCommand          `cmd:"" help:"Print the public keys that verify checkpoints and evidence, the current one first."`
}

// operatorFlags identify the operator.
type operatorFlags struct {
	By string `help:"Name of the operator for the audit log, which records the name of the account too." placeholder:"NAME"`
}

func (w operatorFlags) newOperator(db *store.DB) operator.Operator {
	return operator.Operator{
		Store: db,
		Name:  nameOperator(currentAccount(), w.By),
		Now:   time.Now,
		NewID: func() string { return service.NewID(time.Now()) },
	}
}

// currentAccount returns the name of the account that runs the command, or its number.
func currentAccount() string {
	if account, err := user.Current(); err == nil {
		return account.Username
	}
	return "account " + strconv.Itoa(os.Getuid())
}

// nameOperator returns the name in the audit log: the account, which the system knows, comes first, and the stated name
// is only stated.
func nameOperator(account, stated string) string {
	stated = strings.TrimSpace(terminal.Clean(stated))
	if stated == "" {
		return account
	}
	return account + " (stated: " + stated + ")"
}

type verifyCommand struct {
	registerFlags
	Checkpoints string   `help:"Anchor file; audit-checkpoints.jsonl in DIR if omitted." type:"path" placeholder:"FILE"`
	TSATrust    string   `name:"tsa-trust" help:"Verify the time stamps of checkpoints too: PEM file of the certificates to which they must lead." type:"path" placeholder:"FILE"`
	PublicKey   []string `help:"PEM file of a public key to trust instead of those in the key file. Repeatable." type:"path" placeholder:"FILE"`
}

// Run verifies the whole audit log and fails if there is any finding.
func (c *verifyCommand) Run(e environment) (err error) {
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	trusted, err := c.trustedKeys(e, db)
	if err != nil {
		return err
	}
	file := c.Checkpoints
	if file == "" {
		file = filepath.Join(c.Data, auditlog.AnchorFileName)
	}
	anchor, err := auditlog.OpenAnchorSnapshot(file)
	switch {
	case err == nil:
		defer func() { err = errors.Join(err, anchor.Close()) }()
		if err = anchor.AttachJournal(filepath.Join(c.Data, auditlog.JournalFileName)); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if c.PublicKey == nil { // whoever has the key file can seal what no service seals now
		if _, err = db.SealAuditLog(e.ctx, time.Now(), 0); err != nil {
			_ = terminal.Printf(e.stderr, "not sealed: %v\n", err)
		}
	}
	start := time.Now()
	report, err := auditlog.Verify(e.ctx, db, trusted, anchor)
	if err != nil {
		return err
	}
	report.CheckSealing(time.Now())
	if _, err = io.WriteString(e.stdout, report.Text(time.Since(start))); err != nil {
		return err
	}
	n := len(report.Findings) + report.OmittedFindings
	if c.TSATrust != "" {
		stamps, stampErr := c.verifyTimestamps(e, db)
		if stampErr != nil {
			return stampErr
		}
		n += stamps
	}
	if n > 0 {
		return fmt.Errorf("%w: findings: %d", errDoesNotVerify, n)
	}
	return nil
}

// verifyTimestamps verifies the tokens of checkpoints, and returns the number of findings.
func (c *verifyCommand) verifyTimestamps(e environment, db *store.DB) (int, error) {
	roots, err := service.ReadTimestampRoots(c.TSATrust)
	if err != nil {
		return 0, fmt.Errorf("--%w", err)
	}
	report, err := countersign.Verify(e.ctx, db, filepath.Join(c.Data, countersign.FileName), roots)
	if err != nil {
		return 0, err
	}
	_, err = io.WriteString(e.stdout, report.Text())
	return len(report.Findings), err
}

var errDoesNotVerify = errors.New("the audit log does not verify")

func (c *verifyCommand) trustedKeys(e environment, db *store.DB) ([]ed25519.PublicKey, error) {
	var trusted []ed25519.PublicKey
	for _, name := range c.PublicKey {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--public-key: %w", err)
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("--public-key: %s is not a PEM file", name)
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		public, ok := key.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("--public-key: %s is not an Ed25519 public key", name)
		}
		trusted = append(trusted, public)
	}
	if trusted != nil {
		return trusted, nil
	}
	all, err := db.PublicKeys(e.ctx)
	for _, key := range all {
		trusted = append(trusted, key.Key)
	}
	return trusted, err
}

type keyCommand struct{ registerFlags }

// Run prints each key ID, followed by the key as PEM.
func (c *keyCommand) Run(e environment) (err error) {
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := db.PublicKeys(e.ctx)
	if err != nil {
		return err
	}
	for _, key := range all {
		der, err := x509.MarshalPKIXPublicKey(key.Key)
		if err != nil {
			return fmt.Errorf("public key: %w", err)
		}
		if err = terminal.Printf(e.stdout, "key %s\n", key.KeyID); err == nil {
			err = pem.Encode(e.stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// auditExportFlags are the flags of the commands that export audit events.
type auditExportFlags struct {
	registerFlags
	operatorFlags
	From   string `help:"First day, in Belgian time." placeholder:"DATE"`
	To     string `help:"Last day." placeholder:"DATE"`
	Format string `help:"csv or json (one object per line)." enum:"csv,json" default:"csv"`
	Reveal string `help:"Show persons' numbers instead of pseudonyms, for this reason, which the audit log records." placeholder:"REASON"`
}

type exportCommand struct {
	auditExportFlags
	Patient string `help:"Only events about this patient, given by any current or former number." placeholder:"SSIN" type:"person"`
}

// Run exports the events.
func (c *exportCommand) Run(e environment) error {
	return c.exportAudit(e, "export", c.Patient, platform.AuditQuery{})
}

type emergenciesCommand struct{ auditExportFlags }

// Run exports the events of emergencies.
func (c *emergenciesCommand) Run(e environment) error {
	return c.exportAudit(e, "emergencies", "", platform.AuditQuery{OnlyEmergencies: true})
}

type ownOperationCommand struct{ auditExportFlags }

// Run exports the reads that only the reader's own operation opened.
func (c *ownOperationCommand) Run(e environment) error {
	return c.exportAudit(e, "review of own operations", "", platform.AuditQuery{OnlyOwnSurgery: true})
}

func (c *auditExportFlags) exportAudit(
	e environment, what, patient string, q platform.AuditQuery,
) (err error) {
	q.RevealPersons = c.Reveal != ""
	if patient != "" {
		if q.Patient, err = ident.ParseSSIN(patient); err != nil {
			return fmt.Errorf("--patient: %w", err)
		}
	}
	if q.From, q.To, err = parsePeriod(c.From, c.To); err != nil {
		return err
	}
	act := operator.Action{Operation: operator.ActionAudit, Detail: what, Patient: q.Patient}
	if q.RevealPersons {
		if err = operator.CheckReason(c.Reveal); err != nil {
			return fmt.Errorf("--reveal: %w", err)
		}
		act.Operation, act.Reason = operator.ActionReveal, c.Reveal
	}
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = c.newOperator(db).RecordActions(e.ctx, act); err != nil {
		return err
	}
	export := operator.AuditExport{Query: q, Format: c.Format}
	if q.OnlyOwnSurgery {
		export.Review = func(ctx context.Context, reads []platform.AuditEntry) ([]platform.OwnSurgeryReview, error) {
			return db.ReviewOwnSurgeries(ctx, reads, authorization.SurgeryCare)
		}
	}
	n, err := export.Write(e.ctx, db, e.stdout)
	if err == nil {
		err = terminal.Printf(e.stderr, "%d entries\n", n)
	}
	return err
}
