/*
 * The commit protocol as a model, for spin to walk through all of: two hosts, one machine, an arbiter.
 *
 * It says what protocol/primary.ts, protocol/backup.ts and arbiter/ do; docs/PROTOCOL.md has the rules,
 * README.md beside this file says how to check it, what is left out, and how large it is. Each `d_step`
 * below is one step(input) of the code, or one of its effects where a crash in between matters.
 *
 * An output has a number (its offset) and a text. The text is the generation in which the guest made it:
 * a machine that goes on elsewhere from an earlier point makes another text under the same number.
 * Frames, acks and notices are cumulative, as in the code: "log through output n", "done through n".
 */
#ifndef OUTPUTS
#define OUTPUTS 2      /* the guest makes so many */
#endif
#ifndef GENERATIONS
#define GENERATIONS 3  /* a primary of the last one takes no backup in */
#endif
#ifndef INCIDENTS
#define INCIDENTS 3    /* of any kinds: crash, broken connection, lost answer, arbiter out of reach for a
                          while, handover asked for, backup that leaves, replay that differs */
#endif
#ifndef TICKS
#define TICKS 3        /* the clock goes so far; it stands while there is no session */
#endif
#define TIMEOUT 1      /* silence for more ticks than this is a suspicion */
#define QUEUE 4        /* messages on their way in one direction; then the sender waits */
#define NOTHING 255    /* of an ack: the backup has no state (yet, or any more), and only says that it lives */

/* The properties that assertions say; docs/PROTOCOL.md names them all. ONLY=name arms those of one. */
mtype:property = { ALL, ONE_REIGN, OUTPUT_RULE, NOTHING_LOST, LITTLE_REPEATED, IN_ORDER, LEASE,
  CLEAN_HANDOVER, NO_SILENT_DIVERGENCE, HELD_WHILE_HEALED };
#ifndef ONLY
#define ONLY ALL
#endif
#define holds(property, condition) assert((ONLY != ALL && ONLY != property) || (condition))

/* What can be made wrong, with MUTANT=name, to see that each property can fail. */
mtype:mutant = { NONE, RELEASE_WITHOUT_ACK, PROTECT_EARLY, GO_ALONE_WITHOUT_CLAIM, TAKE_OVER_WITHOUT_CLAIM,
  CLAIM_UNPROTECTED, FORGET_KEPT, FORGET_UNDONE_AT_JOIN, NOTICE_BEFORE_PERFORMING, IGNORE_NOTICES,
  HEARD_WHEN_READ, OFFER_EARLY, FRESH_NONCE, UNREACHABLE_IS_LOST, NEVER_CLAIM,
  CLAIM_DIVERGED, BELIEVE_PROTECTED, RELEASE_WHILE_HEALING, ANY_ACK_HEALS, GO_ALONE_WHILE_HEALING,
  FORGET_UNDONE_AT_HEALING, CLAIM_WITH_ANY_STATE, WITHHOLD_CLAIM };
#ifndef MUTANT
#define MUTANT NONE
#endif
#define broken(mutant) (MUTANT == mutant)

/* over: crashed, halted, or its machine thrown away; may be started as a backup anew. taking: draining and
 * claiming, of a backup. The other names are the code's; its `diverged` is a following that lacks the state.
 * STATE is the whole of it, with what begins its log (`welcome`, `renewing`); CLAIM_STATE gives the claim
 * back, too. */
mtype:mode = { over, following, taking, alone, securing, protected, healing, claiming };
mtype:message = { STATE, CLAIM_STATE, FRAME, DONE, HEARTBEAT, PROTECTED, HANDOVER, ACK, DIVERGED, FAREWELL,
  WON };

typedef Host {
  mtype:mode mode = over;
  byte generation;          /* that it reigns in, or follows */
  byte made;                /* outputs of its machine: the log that it holds leads up to here */
  byte text[OUTPUTS + 1];   /* what they say */
  byte done;                /* performed, as a primary; noticed, as a backup: those above are kept */
  bool performing;          /* the sink has been given output done + 1, and has not answered */
  bool open;                /* its end of the connection */
  byte heard;               /* a primary: the last heartbeat that was echoed; a backup: when anything came */
  byte beat;                /* the last heartbeat: that it sent; that it has to echo */
  byte logged;              /* a primary: the log that it sent */
  byte acked;               /* a primary: the log that the backup says to hold */
  bool owesAck;
  bool mayClaim;            /* a backup: PROTECTED or CLAIM_STATE has come */
  bool lacksState;          /* a backup: it has no state yet, or has diverged from it */
  bool owesState;           /* a primary: to such a backup. There is no log meanwhile */
  bool handingOver;         /* a primary: the machine stands still; a backup: HANDOVER has come */
  bool offered;             /* a primary: HANDOVER has been sent */
  bool asked;               /* its claim has reached the arbiter */
  byte noticed;             /* a backup, for the properties: through here notices have come */
  bool mustHold;            /* a primary, for the properties: the backup that could have gone on has said that
                               it diverged, and has no state since */
  bool bySilence            /* a backup: what made it claim was silence, not a closed connection */
};
Host host[2];
#define SELF host[me]
#define PEER host[1 - me]

/* The connection, one at a time. What was sent before an end was closed (or the network cut it) may still
 * arrive, in order, until the other end notices; what is sent after that is lost. */
chan toBackup = [QUEUE] of { mtype:message, byte, byte };
chan toPrimary = [QUEUE] of { mtype:message, byte, byte };
bool cut;
byte ticks;                 /* both hosts' clocks: they run at one rate */
#define CONNECTED (host[0].open && host[1].open && !cut)
#define ROOM(channel) (!CONNECTED || nfull(channel))

/* The arbiter: a register for each generation, created once. A holder that crashed is GONE: started anew
 * it draws another nonce. (A claim that is on its way when its sender crashes arrives before, or never: in
 * between nobody could tell the difference.) */
#define NOBODY 0            /* 1 and 2 are the hosts */
#define GONE 3
#define ANOTHERS 4          /* of a claim whose nonce was forgotten: only a mutant does that */
byte holder[GENERATIONS + 2];
byte highest = 1;           /* the highest generation that was won */
bool unreachable;

/* What the outside has seen: each output's text; and how often it may still see it again. */
byte seen[OUTPUTS + 1];
byte again[OUTPUTS + 1];

byte incidents;
hidden mtype:message what;   /* scratch of one step: no part of a state */
hidden byte n, number, time;

inline send(channel, message, number, time) {
  if
  :: CONNECTED -> channel!message, number, time
  :: else
  fi
}

inline forgetSession() {
  SELF.open = false; SELF.heard = 0; SELF.beat = 0; SELF.logged = 0; SELF.acked = 0;
  SELF.owesAck = false; SELF.mayClaim = false; SELF.owesState = false; SELF.mustHold = false
}

/* An end of the connection is closed: what still comes to it is not read. */
inline close(incoming) {
  do
  :: nempty(incoming) -> incoming?_, _, _
  :: empty(incoming) -> break
  od
  forgetSession()
}

#define LIVE(h) (h.mode == alone || h.mode == securing || h.mode == protected || h.mode == healing)
#define PRIMARY(h) (LIVE(h) || h.mode == claiming)
#define SILENT (ticks - SELF.heard > TIMEOUT)
/* The other side may go on, or goes on, from where it stands, without this side's doing. */
#define PEER_SUCCEEDS ( \
  PEER.generation == SELF.generation && \
    (PEER.mode == taking || PEER.mode == following && PEER.mayClaim) || \
  PEER.generation > SELF.generation && PRIMARY(PEER))

/* The backup may claim, or may be about to: whoever goes on alone must win. */
#define GUARDED(h) (h.mode == protected || h.mode == healing && !h.owesState)

/* The machine is thrown away, or of no use. */
inline clear() {
  for (n : 1 .. OUTPUTS) { SELF.text[n] = 0 }
  SELF.made = 0; SELF.done = 0; SELF.noticed = 0; SELF.handingOver = false;
  SELF.lacksState = false
}

/* Halt, crash, rejoin: nothing of the side is left. */
inline halt(incoming) {
  close(incoming);
  clear();
  SELF.mode = over; SELF.generation = 0; SELF.performing = false; SELF.offered = false; SELF.asked = false;
  SELF.bySilence = false
}

inline stop() {
  if
  :: PRIMARY(SELF) -> halt(toPrimary)
  :: else -> halt(toBackup)
  fi
}

/* The next output goes to the sink: the outside sees it. */
inline perform() {
  n = SELF.done + 1;
  holds(ONE_REIGN, holder[SELF.generation] == me + 1);
  holds(ONE_REIGN, SELF.mode != alone || SELF.generation == highest);
  holds(OUTPUT_RULE, !PEER_SUCCEEDS || (n <= PEER.made && PEER.text[n] == SELF.text[n]));
  holds(NOTHING_LOST, seen[n] == 0 || seen[n] == SELF.text[n]);
  holds(IN_ORDER, n == 1 || seen[n - 1] != 0);
  holds(LITTLE_REPEATED, seen[n] == 0 || again[n] > 0);
  holds(LEASE, !(PEER_SUCCEEDS && PEER.bySilence));
  holds(HELD_WHILE_HEALED, !SELF.mustHold);
  again[n] = (seen[n] != 0 -> again[n] - 1 : again[n]);
  seen[n] = SELF.text[n];
  SELF.performing = true
}

/* The next generation is won. A backup goes live, and has to perform what is above `done`. */
inline win() {
  if
  :: SELF.mode == taking ->
    holds(CLEAN_HANDOVER, !SELF.handingOver || SELF.done == SELF.made);
    for (n : SELF.noticed + 1 .. SELF.made) { again[n]++ }
    SELF.done = (broken(FORGET_KEPT) -> SELF.made : SELF.done);
    send(toPrimary, WON, SELF.generation + 1, 0);  /* still connected: at a handover only */
    close(toBackup)
  :: else
  fi;
  SELF.generation++;
  holds(NO_SILENT_DIVERGENCE, !SELF.lacksState);
  holds(ONE_REIGN, !(LIVE(PEER) && PEER.generation == SELF.generation));
  for (n : 1 .. OUTPUTS) {
    holds(NOTHING_LOST, seen[n] == 0 || (n <= SELF.made && seen[n] == SELF.text[n]));
    holds(NOTHING_LOST, n > SELF.done || seen[n] != 0)
  }
  SELF.handingOver = false; SELF.offered = false; SELF.asked = false; SELF.bySilence = false;
  SELF.noticed = 0; SELF.mode = alone
}

/* The session is over. */
inline lose() {
  SELF.mode = (GUARDED(SELF) && !broken(GO_ALONE_WITHOUT_CLAIM) &&
    !(SELF.mode == healing && broken(GO_ALONE_WHILE_HEALING)) -> claiming : alone);
  close(toPrimary)
}

/* The backup will not claim, and the session is over. */
inline goAlone() {
  SELF.mode = alone; SELF.handingOver = false; SELF.offered = false;
  close(toPrimary)
}

proctype side(byte me) {
end: do
  /* --- a primary --- */

  /* The guest makes an output. The frame that covers it is closed later, perhaps with others'. */
  :: d_step { LIVE(SELF) && !SELF.handingOver && SELF.made < OUTPUTS ->
      SELF.made++; SELF.text[SELF.made] = SELF.generation }
  :: d_step { LIVE(SELF) && SELF.open && !SELF.owesState && SELF.logged < SELF.made && ROOM(toBackup) ->
      SELF.logged = SELF.made; send(toBackup, FRAME, SELF.made, 0) }
  /* The gate. The sink takes one output at a time, and the notice follows when it has it. */
  :: d_step { !SELF.performing && SELF.done < SELF.made &&
      (SELF.mode == alone || SELF.mode == protected && !SILENT &&
        (SELF.done < SELF.acked || broken(RELEASE_WITHOUT_ACK)) ||
        SELF.mode == healing && broken(RELEASE_WHILE_HEALING)) -> perform() }
  :: d_step { SELF.performing && ROOM(toBackup) ->
      SELF.performing = false; SELF.done++; send(toBackup, DONE, SELF.done, 0) }
  :: d_step { broken(NOTICE_BEFORE_PERFORMING) && SELF.done < SELF.acked && ROOM(toBackup) ->
      send(toBackup, DONE, SELF.acked, 0) }
  :: d_step { LIVE(SELF) && SELF.open && SELF.beat < ticks && ROOM(toBackup) ->
      SELF.beat = ticks; send(toBackup, HEARTBEAT, ticks, 0) }
  :: d_step { LIVE(SELF) && SELF.open && nempty(toPrimary) ->
      if
      :: toPrimary?ACK, number, time ->
        SELF.heard = (broken(HEARD_WHEN_READ) -> ticks : (time > SELF.heard -> time : SELF.heard));
        if
        :: SELF.owesState || number == NOTHING && !broken(ANY_ACK_HEALS)
        :: else ->  /* it has the state: outputs wait for acks from here on */
          SELF.acked = number;
          SELF.mode = (SELF.mode == alone -> securing : (SELF.mode == healing -> protected : SELF.mode))
        fi
      :: toPrimary?DIVERGED, _, _ ->
        SELF.mustHold = GUARDED(SELF);
        SELF.mode = (GUARDED(SELF) -> healing : alone);
        SELF.owesState = true; SELF.acked = 0; SELF.handingOver = false; SELF.offered = false
      :: toPrimary?FAREWELL, _, _ -> goAlone()
      :: toPrimary?WON, _, _ -> halt(toPrimary)
      fi }
  /* One divergence too many: the backup is unfit. */
  :: d_step { LIVE(SELF) && SELF.open && toPrimary?[DIVERGED, _, _] -> goAlone() }
  /* The state, with the outputs that are not done: to one that joins, or to be healed. A log begins with it.
   * Once a backup that is healed has it, it may claim: if the primary did not go on alone meanwhile. */
  :: d_step { LIVE(SELF) && SELF.owesState && ROOM(toBackup) ->
      what = (SELF.mode == healing && !broken(WITHHOLD_CLAIM) || broken(CLAIM_WITH_ANY_STATE)
        -> CLAIM_STATE : STATE);
      if
      :: CONNECTED -> for (n : 1 .. SELF.made) { PEER.text[n] = SELF.text[n] }
      :: else
      fi;
      n = (broken(FORGET_UNDONE_AT_JOIN) && SELF.mode == alone ||
        broken(FORGET_UNDONE_AT_HEALING) && SELF.mode == healing -> SELF.made : SELF.done);
      SELF.owesState = false; SELF.logged = SELF.made; send(toBackup, what, SELF.made, n) }
  /* The backup has the log of all that was performed: it may claim from here on. */
  :: d_step { SELF.mode == securing && ROOM(toBackup) &&
      (SELF.acked >= SELF.done + SELF.performing || broken(PROTECT_EARLY)) ->
      SELF.mode = protected; send(toBackup, PROTECTED, 0, 0) }
  /* A handover is asked for, with the arbiter in reach; it is offered when all is done. */
  :: d_step { SELF.mode == protected && !SELF.handingOver && incidents < INCIDENTS && !unreachable ->
      incidents++; SELF.handingOver = true }
  :: d_step { SELF.mode == protected && SELF.handingOver && !SELF.offered && ROOM(toBackup) &&
      SELF.acked == SELF.made && (SELF.done == SELF.made || broken(OFFER_EARLY)) ->
      SELF.offered = true; send(toBackup, HANDOVER, SELF.made, 0) }
  :: d_step { LIVE(SELF) && SELF.open && (!CONNECTED || SILENT) -> lose() }

  /* --- a backup --- */

  /* Hello, welcome. */
  :: d_step { SELF.mode == over && PEER.mode == alone && !PEER.open && PEER.generation < GENERATIONS ->
      cut = false;
      SELF.mode = following; SELF.generation = PEER.generation; SELF.lacksState = true;
      SELF.open = true; SELF.heard = ticks; SELF.beat = ticks;
      PEER.open = true; PEER.heard = ticks; PEER.beat = ticks; PEER.owesState = true }
  :: d_step { SELF.mode == following && nempty(toBackup) ->
      SELF.heard = ticks;
      toBackup?what, number, time;
      if
      :: what == STATE || what == CLAIM_STATE ->
        SELF.made = number; SELF.done = time; SELF.noticed = time; SELF.owesAck = true;
        SELF.lacksState = false; SELF.mayClaim = (what == CLAIM_STATE);
        PEER.mustHold = false
      :: what == HEARTBEAT -> SELF.beat = number; SELF.owesAck = true
      :: what == FRAME && !SELF.lacksState ->
        for (n : SELF.made + 1 .. number) { SELF.text[n] = SELF.generation }
        SELF.made = number; SELF.owesAck = true
      :: what == DONE && !SELF.lacksState ->
        SELF.noticed = number; SELF.done = (broken(IGNORE_NOTICES) -> SELF.done : number)
      :: what == PROTECTED && (!SELF.lacksState || broken(BELIEVE_PROTECTED)) -> SELF.mayClaim = true
      :: what == HANDOVER && !SELF.lacksState ->
        assert(number == SELF.made);
        SELF.mode = taking; SELF.handingOver = true
      :: else  /* it was sent before the primary knew of the divergence: it counts for nothing */
      fi }
  :: d_step { SELF.mode == following && SELF.owesAck && ROOM(toPrimary) ->
      SELF.owesAck = false;
      send(toPrimary, ACK, (SELF.lacksState -> NOTHING : SELF.made), SELF.beat) }
  /* The primary is lost: claim what may be claimed, else throw the machine away. */
  :: d_step { SELF.mode == following && (!CONNECTED || SILENT) ->
      if
      :: SELF.mayClaim || broken(CLAIM_UNPROTECTED) ->
        SELF.mode = taking; SELF.bySilence = SILENT; close(toBackup)
      :: else -> halt(toBackup)
      fi }
  /* It leaves. */
  :: d_step { SELF.mode == following && incidents < INCIDENTS && ROOM(toPrimary) ->
      incidents++; send(toPrimary, FAREWELL, 0, 0); halt(toBackup) }
  /* Its replay differs, from anywhere in the log on: it has acknowledged what it received, not what it
   * replayed, so outputs of that log may be performed, and stay. It renounces its claim; if it drains the log
   * of a lost primary, it does not claim. Once it has claimed it can't renounce any more. */
  :: d_step { (SELF.mode == following && !SELF.lacksState || SELF.mode == taking && !SELF.asked) &&
      incidents < INCIDENTS && ROOM(toPrimary) ->
      incidents++;
      if
      :: SELF.mode == taking && !SELF.handingOver ->
        if
        :: broken(CLAIM_DIVERGED) -> SELF.lacksState = true
        :: else -> halt(toBackup)
        fi
      :: else ->
        send(toPrimary, DIVERGED, 0, 0);
        clear();
        SELF.mode = following; SELF.lacksState = true;
        SELF.mayClaim = (broken(CLAIM_DIVERGED) -> SELF.mayClaim : false)
      fi }

  /* --- either --- */

  /* The claim reaches the arbiter, which decides. */
  :: d_step { (SELF.mode == claiming || SELF.mode == taking) && !SELF.asked &&
      (!unreachable || broken(UNREACHABLE_IS_LOST)) && !(broken(NEVER_CLAIM) && SELF.mode == taking) ->
      SELF.asked = true;
      if
      :: !unreachable && holder[SELF.generation + 1] == NOBODY ->
        highest = SELF.generation + 1;
        holder[highest] = me + 1
      :: else
      fi }
  /* The answer is lost. It asks again with the same nonce, which changes nothing. */
  :: d_step { SELF.asked && incidents < INCIDENTS ->
      incidents++;
      n = SELF.generation + 1;
      holder[n] = (broken(FRESH_NONCE) && holder[n] == me + 1 -> ANOTHERS : holder[n]) }
  /* The answer. */
  :: d_step { SELF.asked && !unreachable ->
      if
      :: holder[SELF.generation + 1] == me + 1 || broken(TAKE_OVER_WITHOUT_CLAIM) && SELF.mode == taking ->
        win()
      :: else -> stop()
      fi }
  /* A crash. */
  :: d_step { SELF.mode != over && incidents < INCIDENTS ->
      incidents++;
      for (n : 1 .. GENERATIONS) { holder[n] = (holder[n] == me + 1 -> GONE : holder[n]) }
      stop() }
  od
}

/* What neither side does: time goes by, the network breaks the connection, the arbiter is out of reach. */
proctype surroundings() {
end: do
  :: d_step { (host[0].open || host[1].open) && ticks < TICKS -> ticks++ }
  :: d_step { CONNECTED && incidents < INCIDENTS -> incidents++; cut = true }
  :: d_step { !unreachable && incidents < INCIDENTS -> incidents++; unreachable = true }
  :: d_step { unreachable -> unreachable = false }
  od
}

/* The world goes on whatever the others do, so nobody moves only because nothing else can: that each of
 * them moves in the end if it can all the time is what weak fairness says. (Without this process the last
 * states would have no successors, and there spin's fair search overlooks violations.) */
proctype world() {
end: do
  :: d_step { n = 1; n = 0 }
  od
}

init {
  atomic {
    host[0].mode = alone; host[0].generation = 1; holder[1] = 1;
    run side(0); run side(1); run surroundings(); run world()
  }
}

/* What comes about in the end, there being so many incidents and no more. */
#define CLAIMS(h) (h.mode == claiming || h.mode == taking)
#define WELL(h) (LIVE(h) && h.made == OUTPUTS && h.done == OUTPUTS)
/* A machine is gone only with the holder of its highest generation. */
#define IS_GONE (host[0].mode == over && host[1].mode == over && holder[highest] == GONE)
#define ORPHANED(h, primary) (h.mode == following && h.mayClaim && primary.mode == over && \
  holder[h.generation + 1] == NOBODY && incidents == INCIDENTS)

/* It joins or is healed; then it may claim, if the connection has lasted. */
#define WAITS(h) (h.mode == following && h.lacksState)
#define MAY_CLAIM(h) (h.mode == following && h.mayClaim || !CONNECTED)

ltl CLAIM_ENDS { []<>!CLAIMS(host[0]) && []<>!CLAIMS(host[1]) }
ltl ALL_PERFORMED {
  <>[](WELL(host[0]) && !CLAIMS(host[1]) || WELL(host[1]) && !CLAIMS(host[0]) || IS_GONE)
}
ltl TAKEN_OVER {
  [](ORPHANED(host[0], host[1]) -> <>LIVE(host[0])) && [](ORPHANED(host[1], host[0]) -> <>LIVE(host[1]))
}
ltl PROTECTED_AGAIN {
  [](WAITS(host[0]) -> <>MAY_CLAIM(host[0])) && [](WAITS(host[1]) -> <>MAY_CLAIM(host[1]))
}
