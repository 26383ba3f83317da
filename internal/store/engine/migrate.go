package engine

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

// migrateSchema migrates the database to this program's schema version. Several programs may do so at the same time:
// those that lose the race find the new version at their next attempt.
func migrateSchema(ctx context.Context, db *sql.DB, d *dialect, migrations fs.FS) error {
	files, err := fs.Sub(migrations, d.migrationsDirectory)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	provider, err := goose.NewProvider(d.gooseDialect, db, files, goose.WithDisableGlobalRegistry(true),
		goose.WithAllowOutofOrder(true)) // a number below the newest may have been added since
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	const attempts = 5
	for attempt := 1; ; attempt++ {
		current, target, err := provider.GetVersions(ctx)
		hasPending := false
		if err == nil && current <= target {
			hasPending, err = provider.HasPending(ctx)
		}
		switch {
		case err == nil && current > target:
			return fmt.Errorf(
				"the database has schema version %d and this program knows %d: start the newer program that "+
					"migrated it",
				current,
				target,
			)
		case err == nil && !hasPending:
			return nil
		case err == nil:
			_, err = provider.Up(ctx)
		}
		if err != nil && attempt == attempts {
			return fmt.Errorf("migrate the schema: %w", err)
		}
		if err != nil && sleepContext(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("migrate the schema: %w", err)
		}
	}
}

// sleepContext waits for d, or until ctx ends.
func sleepContext(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
