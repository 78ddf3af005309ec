package monitor

import (
	"time"

	"fcredirect/mgmt/alarm"
)

// The role that keeps the alarms, and what it answers. Each answer but that of MethodReport is an Answer.
const (
	RoleName            = "monitor"
	MethodList          = "alarm.list"          // nothing
	MethodAcknowledge   = "alarm.acknowledge"   // AcknowledgeRequest
	MethodUnacknowledge = "alarm.unacknowledge" // AcknowledgeRequest
	MethodMute          = "alarm.mute"          // MuteRequest
	MethodUnmute        = "alarm.unmute"        // UnmuteRequest
	MethodReport        = "alarm.report"        // ReportRequest; the answer is empty
)

// Answer is all alarms and mutes there are, as they were a fifth of a second ago at most, or after what was asked for.
type Answer struct {
	Alarms []alarm.Alarm `json:"alarms"`
	Mutes  []alarm.Mute  `json:"mutes,omitempty"`
}

// AcknowledgeRequest is about one active alarm.
type AcknowledgeRequest struct {
	Code    alarm.Code `json:"code"`
	Subject string     `json:"subject,omitempty"`
	By      string     `json:"by"`
	Note    string     `json:"note,omitempty"`
}

// MuteRequest adds a mute, or replaces the one of the same ID.
type MuteRequest struct {
	ID      string     `json:"id"`
	Code    alarm.Code `json:"code,omitempty"`
	Subject string     `json:"subject,omitempty"`
	Until   time.Time  `json:"until"`
	Reason  string     `json:"reason"`
	By      string     `json:"by"`
}

// UnmuteRequest ends a mute.
type UnmuteRequest struct {
	ID string `json:"id"`
	By string `json:"by"`
}

// ReportRequest is what another role has found, all in one: what it says of a code is said of just these subjects.
type ReportRequest struct {
	Reports []Report `json:"reports"`
}

// Report is one problem. Of an occurrence, Times says how often it happened; of a condition, Holds whether it does now.
type Report struct {
	Code    alarm.Code `json:"code"`
	Subject string     `json:"subject,omitempty"`
	Detail  string     `json:"detail,omitempty"`
	Holds   bool       `json:"holds,omitempty"`
	Times   uint64     `json:"times,omitempty"`
}

// Codes of the errors that the bus carries.
const (
	CodeNotFound = "monitor.not_found" // no such active alarm, no such mute
	CodeInvalid  = "monitor.invalid"
	CodeFull     = "monitor.full"
)
