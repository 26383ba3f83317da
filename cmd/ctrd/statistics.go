package main

import (
	"errors"
	"io"

	"github.com/openctr/ctr/internal/admin"
	"github.com/openctr/ctr/internal/store"
)

// statisticsCommand hands out figures.
type statisticsCommand struct {
	registerFlags
	handedOut
	period
	By       string `help:"code, category, month (of the operation), hospital or delay (days to the notification)." enum:"code,category,month,hospital,delay" default:"month"`
	Exact    bool   `help:"Also numbers below 5, which may tell of a person; who asks for them is kept in the audit trail."`
	Operator string `help:"Who asks for them; the name of the account when left out." placeholder:"NAME"`
}

// Run hands out the figures.
func (c *statisticsCommand) Run(e environment) (err error) {
	r := admin.StatisticsReport{Query: store.StatisticsQuery{By: store.Grouping(c.By)}, Format: c.Format, Exact: c.Exact}
	if r.Query.From, r.Query.To, err = c.days(); err != nil {
		return err
	}
	db, err := c.open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return c.to(e, func(w io.Writer) error { return r.Write(e.ctx, db, who{By: c.Operator}.operator(db), w) })
}
