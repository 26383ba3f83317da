package engine

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// OpenUnmigrated opens the database as it is: it creates nothing and migrates nothing. It is for copies, which must be
// made before an upgrade too.
func OpenUnmigrated(c Config) (*sql.DB, error) {
	if IsPostgresURL(c.URL) {
		config, _, err := readPostgresURL(c.URL, c.AllowUnverified)
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

// readPostgresURL reads the URL of a PostgreSQL database, and whether statements stay prepared.
func readPostgresURL(address string, allowUnverified bool) (pq.Config, bool, error) {
	address, prepares, err := takePreparedStatements(address)
	if err != nil {
		return pq.Config{}, false, err
	}
	config, err := parsePostgresURL(address, allowUnverified)
	return config, prepares, err
}

// ClientEnvironment returns the environment variables with which the programs of PostgreSQL connect to the database of
// a URL (section 34.15 of its manual). The password is among them: arguments are seen by every account of the machine.
func ClientEnvironment(address string, allowUnverified bool) ([]string, error) {
	config, _, err := readPostgresURL(address, allowUnverified)
	if err != nil {
		return nil, err
	}
	var hosts, addresses, ports []string
	hasAddress := false
	all := append([]pq.ConfigMultihost{{Host: config.Host, Hostaddr: config.Hostaddr, Port: config.Port}}, config.Multi...)
	for _, host := range all {
		hosts, ports = append(hosts, host.Host), append(ports, strconv.Itoa(int(host.Port)))
		ip := ""
		if host.Hostaddr.IsValid() {
			ip, hasAddress = host.Hostaddr.String(), true
		}
		addresses = append(addresses, ip)
	}
	variables := []struct{ name, value string }{
		{"PGHOST", strings.Join(hosts, ",")}, {"PGPORT", strings.Join(ports, ",")}, {"PGDATABASE", config.Database},
		{"PGUSER", config.User}, {"PGPASSWORD", config.Password}, {"PGPASSFILE", config.Passfile},
		{"PGOPTIONS", config.Options}, {"PGSSLMODE", string(config.SSLMode)}, {"PGSSLCERT", config.SSLCert},
		{"PGSSLKEY", config.SSLKey}, {"PGSSLROOTCERT", config.SSLRootCert},
		{"PGTARGETSESSIONATTRS", string(config.TargetSessionAttrs)},
		{"PGCONNECT_TIMEOUT", strconv.Itoa(int(max(config.ConnectTimeout, 2*time.Second).Seconds()))},
		{"PGCLIENTENCODING", "UTF8"},
	}
	if hasAddress {
		variables = append(variables, struct{ name, value string }{"PGHOSTADDR", strings.Join(addresses, ",")})
	}
	var environment []string
	for _, v := range variables {
		if v.value != "" {
			environment = append(environment, v.name+"="+v.value)
		}
	}
	return environment, nil
}
