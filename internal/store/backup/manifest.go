package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/durable"
)

// Manifest says what a backup holds. It is the file backup.json.
type Manifest struct {
	Format   int              `json:"format"`
	Program  string           `json:"program"` // that made it, with its version
	BegunAt  time.Time        `json:"begunAt"` // what was acknowledged before is in it
	Database string           `json:"database"`
	Rows     map[string]int64 `json:"rows"` // by table
	Files    []File           `json:"files"`
}

// File is a file of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const (
	manifestFormat   = 1
	maxManifestBytes = 1 << 20
	sqliteKind       = "sqlite"
	postgresKind     = "postgresql"
)

// ErrDamaged means that a backup is not what was made.
var ErrDamaged = errors.New("the backup is damaged")

// Read reads the manifest of a backup, and checks every byte of its files.
func Read(folder string) (Manifest, error) {
	var m Manifest
	file, err := os.Open(filepath.Join(folder, manifestName)) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is not a complete backup: it has no %s", folder, manifestName)
	}
	if err != nil {
		return m, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxManifestBytes+1))
	if err != nil {
		return m, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if len(data) > maxManifestBytes || decoder.Decode(&m) != nil {
		return m, fmt.Errorf("%w: %s cannot be read", ErrDamaged, manifestName)
	}
	if m.Format != manifestFormat {
		return m, fmt.Errorf("the backup has format %d, and this program reads format %d", m.Format, manifestFormat)
	}
	copies := map[string]string{sqliteKind: sqliteFileName, postgresKind: dumpFileName}
	if _, has := m.findFile(copies[m.Database]); !has {
		return m, fmt.Errorf("%w: %s names no copy of a database", ErrDamaged, manifestName)
	}
	for _, f := range m.Files {
		if f.Name != copies[m.Database] && f.Name != auditlog.AnchorFileName {
			return m, fmt.Errorf("%w: %s names the file %q", ErrDamaged, manifestName, f.Name)
		}
		found := File{Name: f.Name}
		if err = found.measureContent(folder); err != nil {
			return m, err
		}
		if found != f {
			return m, fmt.Errorf("%w: %s has other bytes than when the backup was made", ErrDamaged, f.Name)
		}
	}
	return m, nil
}

func (m *Manifest) findFile(name string) (File, bool) {
	i := slices.IndexFunc(m.Files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return File{}, false
	}
	return m.Files[i], true
}

func (m *Manifest) writeTo(folder string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return durable.Create(filepath.Join(folder, manifestName), append(data, '\n'))
}

// measureContent reads the file, and sets its size and its digest.
func (f *File) measureContent(folder string) error {
	file, err := os.Open(filepath.Join(folder, f.Name)) //nolint:gosec // a fixed name in the operator's folder
	if err != nil {
		return fmt.Errorf("the backup: %w", err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if f.Size, err = io.Copy(hash, file); err != nil {
		return fmt.Errorf("the backup: %w", err)
	}
	f.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return nil
}

// copyFile copies a file to a new one that only its owner can read. With want, it checks the bytes that it copies, and
// leaves no file with others.
func copyFile(from, to string, want *File) (err error) {
	source, err := os.Open(from) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(target, hash), source)
	if err == nil && want != nil && (size != want.Size || hex.EncodeToString(hash.Sum(nil)) != want.SHA256) {
		err = ErrDamaged
	}
	if err == nil {
		err = target.Sync()
	}
	if err = errors.Join(err, target.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return durable.SyncDirectory(filepath.Dir(to))
}
