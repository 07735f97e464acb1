/* tuner.h -- how many workers share a step: found out by trying, for no bit depends on it.
 *
 * What another worker costs (waking it, lines that cross between caches) and what it brings differs between processors by
 * several times, and other programs change it from one second to the next. So steps are timed in blocks of some
 * milliseconds. One count of workers is settled; now and then a rival, twice or half as many, has a block of its own, and
 * if it was quicker, a second one, after another of the settled count. The first step of a block is not timed, unless it
 * is a block by itself: it fetches what the other workers' caches hold. How long it takes until the next trial follows
 * from what the last one cost; the first one comes at once, or after some blocks if each is a single step.
 */
#ifndef NN_TUNER_H
#define NN_TUNER_H

#define NN_BLOCK_SECONDS 3e-3
#define NN_GAIN 0.98        /* of the time: what a rival must come below to take over */
#define NN_FIRST_WAIT 8     /* blocks from one trial to the next; longer after each that changed nothing */
#define NN_WAIT 128
#define NN_TRIAL_SHARE 100  /* a trial shall cost no more than one part in so many */
#define NN_LONGEST_WAIT 400 /* of long steps, a single one of which may cost several others */
#define NN_BUSY 1.25        /* of the time: then it is another machine, and a trial is due */

typedef struct {
    int n_most;           /* workers that there may be; 0 before the first step */
    int count;            /* of the current block */
    int settled;
    int rival;            /* 0: no trial is going on */
    int grows;            /* whether the next rival has more workers */
    int wait, next_wait;  /* blocks until the next trial; until the one after that */
    long steps;           /* of the block so far */
    double rows, seconds; /* timed in the block so far */
    double pace[3];       /* seconds a row in the last blocks of the settled count, the latest first; 0: not known */
    double rival_pace;    /* in its first block; 0: not known */
} nn_tuner;

static inline double nn_tuner_pace(const nn_tuner *t) /* the median of the last three blocks, or the best of fewer */
{
    const double a = t->pace[0], b = t->pace[1], c = t->pace[2], low = b == 0 || a < b ? a : b, high = a < b ? b : a;
    return c == 0 ? low : c < low ? low : c > high ? high : c;
}

static inline void nn_tuner_block(nn_tuner *t, int count)
{
    t->count = count, t->steps = 0, t->rows = t->seconds = 0;
}

static inline void nn_tuner_settle(nn_tuner *t, int count, int wait)
{
    if (count != t->settled) {
        t->pace[0] = t->pace[1] = t->pace[2] = 0, t->next_wait = NN_FIRST_WAIT;
        t->grows = count > t->settled; /* go on the same way */
    }
    t->settled = count, t->wait = wait, t->rival = 0, t->rival_pace = 0;
    nn_tuner_block(t, count);
}

static inline int nn_tuner_next_rival(nn_tuner *t) /* twice and half as many by turns, where there are such */
{
    const int more = 2 * t->settled < t->n_most ? 2 * t->settled : t->n_most, less = (t->settled + 1) / 2;
    const int rival = t->grows ? more : less;
    t->grows = !t->grows;
    return rival != t->settled ? rival : t->grows ? more : less;
}

/* The rival was no better: the more time its block has cost, the later the next trial. It may have met with another
 * program's few milliseconds, which makes it look worse than anything, but costs little more than a rival that is as good. */
static inline void nn_tuner_reject(nn_tuner *t)
{
    const double spared = t->rows * nn_tuner_pace(t), block = spared > NN_BLOCK_SECONDS ? spared : NN_BLOCK_SECONDS;
    const double due = NN_TRIAL_SHARE * (t->seconds - spared) / block;
    const int wait = due < t->next_wait ? t->next_wait : due < NN_LONGEST_WAIT ? (int)due : NN_LONGEST_WAIT;
    t->next_wait = 2 * t->next_wait < NN_WAIT ? 2 * t->next_wait : NN_WAIT;
    nn_tuner_settle(t, t->settled, wait);
}

static inline void nn_tuner_end_block(nn_tuner *t, double pace)
{
    if (t->count == t->settled) {
        t->pace[2] = t->pace[1], t->pace[1] = t->pace[0], t->pace[0] = pace;
        if (t->pace[1] == 0 && t->steps == 1) t->wait = NN_FIRST_WAIT; /* a trial is a step, of which there may be few */
        if (t->pace[2] > 0 && pace > NN_BUSY * t->pace[2] && t->pace[1] > NN_BUSY * t->pace[2]) t->wait = 0;
        if (t->rival == 0 && t->wait-- <= 0) t->rival = nn_tuner_next_rival(t);
        nn_tuner_block(t, t->rival ? t->rival : t->settled);
    } else if (t->rival_pace == 0 && pace < NN_GAIN * nn_tuner_pace(t)) {
        t->rival_pace = pace;
        nn_tuner_block(t, t->settled); /* once more, and then the rival */
    } else if (t->rival_pace > 0 && pace + t->rival_pace < 2 * NN_GAIN * nn_tuner_pace(t)) {
        nn_tuner_settle(t, t->rival, 2);
        t->pace[0] = pace;
    } else {
        nn_tuner_reject(t);
    }
}

/* how many workers take the next step: at most n_most; `guess` to begin with */
static inline int nn_tuner_count(nn_tuner *t, int n_most, int guess)
{
    if (t->n_most == 0) {
        *t = (nn_tuner){.n_most = n_most};
        nn_tuner_settle(t, guess < n_most ? guess : n_most, 0);
    } else if (t->n_most != n_most) { /* other rows, or another limit: what has been found out holds where it can */
        t->n_most = n_most;
        if (t->settled > n_most || t->rival > n_most)
            nn_tuner_settle(t, t->settled < n_most ? t->settled : n_most, NN_FIRST_WAIT);
    }
    return t->count;
}

/* how many workers a job of so many rows shall have at hand: all, if a trial may come up; others would be woken for nothing */
static inline int nn_tuner_team(nn_tuner *t, int n_most, int guess, double rows)
{
    const int count = nn_tuner_count(t, n_most, guess);
    const double pace = nn_tuner_pace(t);
    return t->rival || pace == 0 || t->wait * NN_BLOCK_SECONDS < rows * pace ? n_most : count;
}

/* a step of so many rows has taken so long, with as many workers as nn_tuner_count has said */
static inline void nn_tuner_report(nn_tuner *t, double rows, double seconds)
{
    if (t->n_most < 2 || (t->steps++ == 0 && seconds < NN_BLOCK_SECONDS)) return;
    t->rows += rows, t->seconds += seconds;
    if (t->seconds >= NN_BLOCK_SECONDS && t->rows > 0) nn_tuner_end_block(t, t->seconds / t->rows);
}

#endif
