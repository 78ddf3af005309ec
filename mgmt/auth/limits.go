package auth

import "time"

const (
	// MaxAccounts, MaxTokens and MaxSessions bound what is kept: about 1 KiB each on disk, and less in memory.
	MaxAccounts = 1000
	MaxTokens   = 4000
	MaxSessions = 4000
	// maxOfOwner is how many tokens one owner may have, and how many sessions; the session that was used longest ago
	// makes room for a new one.
	maxOfOwner = 64

	// MaxName bounds the names of accounts and tokens, in bytes.
	MaxName = 64
	// MaxDescription bounds descriptions, in bytes.
	MaxDescription = 256
	// MinPassword is in characters, MaxPassword in bytes: hashing takes as long for a long one.
	MinPassword = 12
	MaxPassword = 1024
	// MaxAddresses bounds the address list of a token.
	MaxAddresses = 32
	// maxAgent bounds what is kept of a browser's name.
	maxAgent = 200

	// secretBytes is the size of secrets of sessions and tokens: nobody guesses 256 bits.
	secretBytes = 32
	// idBytes is the size of their ids, which are no secrets.
	idBytes = 10
	// maxCredential bounds what is looked at as a credential at all.
	maxCredential = 256

	// sessionIdle and sessionLife end a session: not used for so long, and at last.
	sessionIdle = 30 * time.Minute
	sessionLife = 12 * time.Hour
	// futureSlack is how far in the future the last use of a session may be after a restart: the clock may have been
	// set by a little.
	futureSlack = time.Minute
	// TokenLife is how long a token lives if nobody says otherwise, MaxTokenLife what one may ask for.
	TokenLife    = 90 * 24 * time.Hour
	MaxTokenLife = 366 * 24 * time.Hour

	// flushEvery is how often last uses are written; counts of failures are written after flushSoon.
	flushEvery = time.Minute
	flushSoon  = time.Second

	// hashesAtOnce bounds how many passwords are hashed at a time, each with hashMemory, on one core for some 0.1 s;
	// hashesWaiting how many wait for that, hashTimeout at most. More are refused as busy.
	hashesAtOnce  = 2
	hashesWaiting = 128
	hashTimeout   = 10 * time.Second
	hashMemory    = 32 << 10 // KiB
	hashTime      = 3
	// maxHashMemory and maxHashTime bound what a stored hash may ask for: a restored file is not trusted.
	maxHashMemory = 256 << 10
	maxHashTime   = 16

	// An account's first freeAccount failures, and a network's first freeNetwork, cost no wait. Then waits double from
	// minWait to maxWait. Failures are forgotten forgetAfter the last one.
	freeAccount = 5
	freeNetwork = 20
	minWait     = time.Second
	maxWait     = 15 * time.Minute
	forgetAfter = 24 * time.Hour
	// maxCounters bounds networks, and names that are no account's, whose failures are remembered: 100 bytes each.
	maxCounters = 4096
	// maxFamiliar is how many networks an account is known to be used from.
	maxFamiliar = 8
	// lockedOutEvery and lockedOutBurst bound events about it.
	lockedOutEvery = 5 * time.Second
	lockedOutBurst = 50
)
