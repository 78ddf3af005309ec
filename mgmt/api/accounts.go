package api

import "fcredirect/mgmt/api/account"

// accounts adds users, sessions, tokens, set-up and the audit log.
func (a *assembly) accounts() error {
	d := account.Deps{Auth: a.auth}
	if a.Bus != nil {
		d.Events = a.Bus
	}
	account.Register(a.rest, d)
	return nil
}
