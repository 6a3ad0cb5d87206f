/* Named moments at which a test kills the process or fails a call.  In the released program the
 * hook is NULL and a point costs one test of a pointer.
 *
 * To add a point: its line below (name, and what has just happened or is about to), a
 * pr_fault_point where it belongs.  tests/faults hits every one of them. */
#ifndef PR_BASE_FAULT_H
#define PR_BASE_FAULT_H

#define PR_FAULT_POINTS(X)                                                                         \
    X(WRITE_TEMPORARY, "write.temporary")   /* a temporary file is written, not yet synced */      \
    X(WRITE_SYNCED, "write.synced")         /* it is synced, not yet renamed */                    \
    X(WRITE_RENAMED, "write.renamed")       /* it is renamed, the folder not yet synced */         \
    X(MIGRATION_STEP, "migration.step")     /* inside the transaction of a migration */            \
    X(MIGRATION_DONE, "migration.done")     /* right after its commit */                           \
    X(GRADES_INSERTED, "grades.inserted")   /* inside the transaction that stores grades */        \
    X(GRADES_COMMITTED, "grades.committed") /* right after it */                                   \
    X(APPLY_INSERTED, "apply.inserted")     /* inside the transaction of a system's findings */    \
    X(APPLY_COMMITTED, "apply.committed")   /* after it, before the status file */                 \
    X(FRAME_HALF, "frame.half")             /* half of a frame is written to a pipe */             \
    X(FRAME_WRITTEN, "frame.written")       /* all of it */                                        \
    X(FRAME_READ, "frame.read")             /* a whole frame was read, not yet acted upon */       \
    X(GRADER_OPENED, "grader.opened")       /* a grader has opened its checkpoint */               \
    X(GRADER_EXAMPLE, "grader.example")     /* a grader has finished an example, not yet sent */   \
    X(CHECKPOINT_NOTED, "checkpoint.noted") /* an arrival is in the gradebook, nothing ordered */  \
    X(BASELINE_MOVED, "baseline.moved")     /* inside the transaction that moves a baseline */     \
    X(COMPACTED, "compact.step")            /* inside a compaction */                              \
    X(SAVE_BEGUN, "save.begun")             /* a training's hidden folder is made, empty */        \
    X(SAVE_DATA, "save.data")               /* a safetensors file is written, not yet synced */    \
    X(SAVE_WEIGHTS, "save.weights")         /* a checkpoint's weights are there, nothing else */   \
    X(SAVE_STATE, "save.state")             /* the optimizer's state too */                        \
    X(SAVE_WRITTEN, "save.written")   /* all of it is there and synced, under a hidden name */     \
    X(SAVE_RENAMED, "save.renamed")   /* it is in its place, the folder not yet synced */          \
    X(SAVE_HIDDEN, "save.hidden")     /* one to be removed has a hidden name */                    \
    X(SAVE_REMOVING, "save.removing") /* half of its files are gone */                             \
    X(QUEUE_REFUSED,                                                                               \
        "queue.refused")            /* refused lines of a file are written, under a hidden name */ \
    X(QUEUE_CLEAN, "queue.clean")   /* so are the others */                                        \
    X(QUEUE_TAKEN, "queue.taken")   /* the file itself is among the originals */                   \
    X(QUEUE_PLACED, "queue.placed") /* the others wait in their queue */                           \
    X(QUEUE_MOVED, "queue.moved")   /* a valid file waits in its queue */                          \
    X(QUEUE_CORRECTED, "queue.corrected") /* corrections are written, the report is not told */    \
    X(QUEUE_ANNOUNCED, "queue.announced") /* a manifest is written, its file is not */             \
    X(QUEUE_GENERATED, "queue.generated") /* the file is, its number is not noted */               \
    X(TRAIN_TAKEN, "train.taken") /* a queue's file is in processing, its line not written */      \
    X(TRAIN_NOTED, "train.noted") /* its line is, and no step of it made */                        \
    X(TRAIN_COMPLETED, "train.completed") /* it is in recently_completed, its line not written */  \
    X(DEPLOY_INTENT, "deploy.intent")     /* a deployment is in the journal, nothing is done */    \
    X(DEPLOY_COPYING, "deploy.copying")   /* a file of a version is copied, under a hidden name */ \
    X(DEPLOY_WHOLE, "deploy.whole")       /* it is whole and verified, still hidden */             \
    X(DEPLOY_PLACED, "deploy.placed")     /* it has its name, the journal does not say so */       \
    X(DEPLOY_SWAPPED, "deploy.swapped")   /* the target is it, the journal does not say so */      \
    X(DEPLOY_TIDIED, "deploy.tidied")     /* folders that were exchanged have their names */       \
    X(DEPLOY_RELOADED, "deploy.reloaded") /* the server was told, the journal does not say so */   \
    X(DEPLOY_PROBED, "deploy.probed")     /* it was probed, likewise */                            \
    X(DEPLOY_DONE, "deploy.done")         /* the journal says that it is done */                   \
    X(DEPLOY_UNDOING, "deploy.undoing")   /* the journal says that it is rolled back */            \
    X(DEPLOY_UNDONE, "deploy.undone")     /* the target is the old version again */                \
    X(DEPLOY_PRUNING, "deploy.pruning")   /* an old version has a hidden name */                   \
    X(LOAD_HASHED, "load.hashed")         /* a block of a checkpoint's weights was hashed */       \
    X(LOAD_PACKED, "load.packed")         /* a panel of them was packed */                         \
    X(SERVE_PASS, "serve.pass")           /* a served model is about to compute a pass */

enum pr_fault {
#define PR_X(name, text) PR_FAULT_##name,
    PR_FAULT_POINTS(PR_X)
#undef PR_X
        PR_FAULT_COUNT
};
extern const char *const pr_fault_names[PR_FAULT_COUNT];

/* Set by tests alone, before the first point is reached. */
extern void (*pr_fault_hook)(enum pr_fault point);

static inline void pr_fault_point(enum pr_fault point)
{
    if (pr_fault_hook)
        pr_fault_hook(point);
}

#endif
