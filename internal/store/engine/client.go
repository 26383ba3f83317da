package engine

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/openctr/ctr/internal/store/postgresurl"
)

// OpenUnmigrated opens the database as it is: it creates nothing and migrates nothing. It is for copies, which must be
// made before an upgrade too.
func OpenUnmigrated(c Config) (*sql.DB, error) {
	if IsPostgresURL(c.URL) {
		config, _, err := postgresurl.Parse(c.URL, c.AllowUnverified)
		if err != nil {
			return nil, err
		}
		pool := sql.OpenDB(newPostgresConnector(config, false, func() {}))
		pool.SetMaxOpenConns(1)
		return pool, nil
	}
	file := filepath.Join(c.Directory, sqliteFileName)
	if _, err := os.Stat(file); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no database %s", file)
		}
		return nil, err
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open(sqliteDriver, sqliteDataSource(absolute, "mode=rw"))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}
