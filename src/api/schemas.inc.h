/* The schemas of all answers, in the notation of schemas.c, which alone includes this.
 * PR_SCHEMA: an answer (schema_version and at are added); PR_SCHEMA_PART: a part of others. */

PR_SCHEMA_PART(Error, "error:@ErrorBody")
PR_SCHEMA_PART(ErrorBody, "code:str message:str")

/* ---- the server's own ---- */

PR_SCHEMA(Health, "")
PR_SCHEMA(Ready, "ready:bool reasons:str[]")
PR_SCHEMA(Session, "signed_in:bool token_required:bool")

/* ---- documents ---- */

PR_SCHEMA(Status,
    "base_dir:str owner:obj? training:@TrainingBody systems:@System[]"
    " newest:@StatusCheckpoint? checkpoints:@StatusCheckpoint[] orders:@Queued[] "
    "alerts:@StatusAlert[]"
    " gradebook:obj? live:obj? api:@ApiBody panels:@Panel[] deployed:obj? best:@Best?"
    " machines:@MachineLine[]"
    " checkpoints_by_state*:{int} n_checkpoints*:int n_orders*:int? tokens*:obj "
    "reference*:@StatusCheckpoint?"
    " ended_orders*:obj[] live_reason*:str deployed_reason*:str gradebook_reason*:str")
PR_SCHEMA_PART(System,
    "name:str active:bool state:str state_reason:str? last_run:time? status_file:str finding:obj?")
PR_SCHEMA_PART(StatusCheckpoint,
    "checkpoint:str id:int path:str step:int? run:str? fingerprint:str? state:str reason:str?"
    " found_at:time? level:<ok|warning|critical>? level_reason:str? suites:@Progress[]")
PR_SCHEMA_PART(Progress, "suite:str graded:int of:int")
PR_SCHEMA_PART(
    Queued, "checkpoint:str path:str step:int? suites:@Progress[] state:str priority:int")
PR_SCHEMA_PART(StatusAlert,
    "id:int system:str level:<info|warning|critical> text:str raised_at:time? cleared_at:time?"
    " acknowledged_at:time?")
PR_SCHEMA_PART(ApiBody, "version:str boot:str? bind:str token_required:bool page:bool")
PR_SCHEMA_PART(Panel, "id:str title:str plugin:str")
PR_SCHEMA_PART(Best, "checkpoint:str id:int? score:num")
PR_SCHEMA_PART(MachineLine, "name:str self:bool reachable:bool reason:str? at:time? url:str?")

#define PR_TRAINING_MEMBERS                                                                        \
    "source:str? source_path:str? status:str? model_name:str? current_step:int? total_steps:int?"  \
    " epoch:num? loss:num? eval_loss:num? learning_rate:num? grad_norm:num? "                      \
    "tokens_per_second:num?"                                                                       \
    " steps_per_second:num? eta_seconds:num? timestamp:time? age_seconds:num?"                     \
    " history:@TrainingPoint[] from:{str} latest_logged:obj? warnings:str[]"
PR_SCHEMA(Training, PR_TRAINING_MEMBERS)
PR_SCHEMA_PART(TrainingBody, PR_TRAINING_MEMBERS)
#undef PR_TRAINING_MEMBERS
PR_SCHEMA_PART(TrainingPoint, "step:int loss:num? eval_loss:num? learning_rate:num?")

/* A system's own fields are there once it found something: those may be missing before. */
#define PR_SYSTEM_MEMBERS                                                                          \
    "system:str state:<ok|waiting|failed|not_installed> state_reason:str? active:bool "            \
    "last_run*:time"
PR_SCHEMA(Regression,
    PR_SYSTEM_MEMBERS " regression_detected*:bool? checkpoint*:str? baseline_loss*:num?"
                      " current_loss*:num? increase_percent*:num?"
                      " alert_level*:<ok|warning|critical>?")
PR_SCHEMA(ModelComparison,
    PR_SYSTEM_MEMBERS " rankings*:@Ranked[] best_checkpoint*:str? best*:obj? n_ranked*:int?"
                      " unranked*:@Unranked[] weights*:{num}? promotion*:@Promotion")
PR_SCHEMA_PART(Promotion,
    "candidate:str? fingerprint*:str step*:int? run*:str? level*:<ok|warning|critical>?"
    " n_choose:int n_confirm:int score_choose*:num? score_confirm*:num? tied_with_best*:bool"
    " against:@Against[]")
PR_SCHEMA_PART(Against,
    "checkpoint:str fingerprint:str? step:int? gone:bool choose:@Gain confirm:@Gain"
    " collapsed:@Collapsed[]")
PR_SCHEMA_PART(Gain, "difference:num? ci95:num[]? p*:num? n:int")
PR_SCHEMA_PART(Collapsed, "by:<difficulty|skill> name:str n:int was:num now:num p:num")
PR_SCHEMA_PART(Ranked,
    "rank:int? checkpoint:str path:str step:int? score:num? accuracy:num? loss:num? ece:num? n:int"
    " tied_with:str[] level:<ok|warning|critical>?")
PR_SCHEMA_PART(Unranked, "checkpoint:str path:str state:str why:str graded:int of:int")
PR_SCHEMA(Deployments,
    PR_SYSTEM_MEMBERS " checkpoint*:str? deployed_at*:time? score*:num? success*:bool?"
                      " sync:@Sync")
PR_SCHEMA_PART(Sync, PR_SYSTEM_MEMBERS)
PR_SCHEMA(Confidence,
    PR_SYSTEM_MEMBERS " checkpoint*:str? bins*:@Bin[]? ece*:num? well_calibrated*:bool? n*:int?")
PR_SCHEMA_PART(Bin, "range:str accuracy:num? mean_confidence:num? count:int low*:num high*:num")
PR_SCHEMA(Testing,
    PR_SYSTEM_MEMBERS " checkpoint*:str? overall_accuracy*:num? by_difficulty*:{any}?"
                      " regression_detected*:bool? baseline*:any")
PR_SCHEMA(Curriculum,
    PR_SYSTEM_MEMBERS " best_strategy*:str? decision*:<decided|undecided>? accuracy*:any"
                      " strategies_tested*:any last_update*:str?")
PR_SCHEMA(SelfCorrection,
    PR_SYSTEM_MEMBERS " validation*:@Validation waiting_files*:@WaitingFiles checkpoint*:str?"
                      " asking*:@Asking? asked*:int answered*:int errors*:int error_rate*:num?"
                      " error_rate_ci95*:num[]? right_by_the_verifier*:int"
                      " errors_without_text*:int error_threshold*:int groups*:@ErrorGroup[]"
                      " groups_in_all*:int corrections_written*:@CorrectionsWritten")
#define PR_INTAKE_MEMBERS                                                                          \
    "files:int moved:int split:int rejected:int failed:int lines:int lines_moved:int"              \
    " lines_rejected:int recovered:int by_defect:{int}"
PR_SCHEMA_PART(Validation,
    PR_INTAKE_MEMBERS " unsettled:int total:@ValidationTotal last_files:@ValidatedFile[]")
PR_SCHEMA_PART(ValidationTotal, PR_INTAKE_MEMBERS)
#undef PR_INTAKE_MEMBERS
PR_SCHEMA_PART(ValidatedFile,
    "at:time file:str state:<moved|split|rejected|failed> to:str? lines:int rejected_lines:int"
    " rejected:str? original:str? by_defect:{int} reason*:str")
PR_SCHEMA_PART(WaitingFiles, "files:int files_with_findings:int validated:int lines:int"
                             " refused_lines:int by_defect:{int} findings:@WaitingFile[]")
PR_SCHEMA_PART(
    WaitingFile, "file:str lines:int refused_lines:int by_defect:{int} findings:@LineFinding[]")
PR_SCHEMA_PART(LineFinding, "line:int? defect:str text:str")
PR_SCHEMA_PART(Asking,
    "checkpoint_id:int examples:int max_examples:int continuous:bool added*:int queue_lines*:int"
    " drawn_not_usable*:int drawn_in_a_suite*:int nothing_added_because*:str?")
PR_SCHEMA_PART(CorrectionsWritten, "run:int today:int total:int not_verified:int file:str?")
PR_SCHEMA_PART(ErrorGroup,
    "skill:str? file:str? pattern:str meaning:str count:int asked:int share:num? share_ci95:num[]?"
    " threshold_reached:bool report:str? examples:@ErrorExample[]")
PR_SCHEMA_PART(ErrorExample,
    "id:str question:str? golden:str? model_answer:str? why:str? confidence:num? difficulty:str?"
    " file:str line:int")
PR_SCHEMA(Adversarial,
    PR_SYSTEM_MEMBERS " checkpoint*:str? step*:int? suite*:str? failures_total*:int?"
                      " answers_total*:int? answers_ungraded*:int? failures_by_pattern*:@Cluster[]?"
                      " unknown_skill*:@UnknownSkill? samples*:int asked*:int? ungraded*:int?"
                      " rounds*:@MiningRound[]? yield*:num? yield_ci95*:num[]? kept*:int?"
                      " kept_total_today*:int? not_kept_known*:int not_kept_validation*:int"
                      " lines_broken*:int file*:str? examples*:@HardExample[]?"
                      " forgetting*:@Forgetting? exhausted*:bool")
PR_SCHEMA_PART(Cluster,
    "skill:str? known:bool level:int? difficulty:str? pattern:str about:str count:int confident:int"
    " example:str why:str question*:str? golden*:str? model_answer*:str?")
PR_SCHEMA_PART(UnknownSkill, "count:int hint:str?")
PR_SCHEMA_PART(MiningRound,
    "round:int asked:int failed:int ungraded:int pending:int yield:num? yield_ci95:num[]?")
PR_SCHEMA_PART(HardExample,
    "prompt:str? golden:str? model_answer:str? why:str? id:str? pattern:str? skill:str?"
    " difficulty:str? level:num? confidence:num? checkpoint:str? round:num?")
PR_SCHEMA_PART(Forgetting,
    "n:int solved_before:int rate:num? rate_ci95:num[]? against:str[] by_skill:{int} ids:str[]")
PR_SCHEMA_PART(DataGeneration,
    PR_SYSTEM_MEMBERS " waiting_files*:@GenerationWaiting written*:@GeneratedFile[]"
                      " last_files*:@GeneratedFileNow[] reason*:str? mix*:@GenerationMix"
                      " today*:@GenerationToday disk*:@GenerationDisk")
#undef PR_SYSTEM_MEMBERS
PR_SCHEMA_PART(GenerationWaiting,
    "high:int normal:int low:int counted:int count:str? min_files:int bytes:int not_readable*:int")
#define PR_GENERATED_MEMBERS                                                                       \
    "file:str made_at:time lines:int number:int counts:{{int}} provenance:@Provenance"             \
    " duplicates_avoided:int contamination_avoided:int exhausted:str[]"
PR_SCHEMA_PART(GeneratedFile, PR_GENERATED_MEMBERS)
PR_SCHEMA_PART(GeneratedFileNow, PR_GENERATED_MEMBERS " queue:str?")
#undef PR_GENERATED_MEMBERS
PR_SCHEMA_PART(Provenance, "fresh:int hard:int corrections:int used_before:int not_usable:int"
                           " sources:{@ProvenanceSource[]}")
PR_SCHEMA_PART(ProvenanceSource, "file:str lines:int")
PR_SCHEMA_PART(GenerationMix,
    "weights:{num} source:<curriculum-optimizer|default> why:str skills:{num}? skills_source*:str"
    " skills_unknown*:str[]")
PR_SCHEMA_PART(GenerationToday, "files:int lines:int")
PR_SCHEMA_PART(GenerationDisk, "used_bytes:int limit_bytes:int free_bytes:int?")

PR_SCHEMA(Queue, "health:@QueueHealth generation:@DataGeneration")
PR_SCHEMA_PART(QueueHealth,
    "status:<green|yellow|red> reasons:@QueueReason[] queues:{@QueueFolder} waiting:@QueueWaiting"
    " checked:int unchecked:int throughput:@QueueThroughput hours_left:num?")
PR_SCHEMA_PART(QueueReason, "level:<yellow|red> code:str text:str files:str[]")
PR_SCHEMA_PART(QueueFolder, "files:int bytes:int oldest_seconds:int?")
PR_SCHEMA_PART(QueueWaiting, "files:int bytes:int examples:num?")
PR_SCHEMA_PART(QueueThroughput,
    "examples_per_second:num? tokens_per_second:num? source:str? estimated_from*:str")

/* ---- checkpoints ---- */

PR_SCHEMA(Checkpoints, "checkpoints:@CheckpointRow[] n:int next_cursor:str?")
PR_SCHEMA_PART(CheckpointRow,
    "id:int name:str path:str step:int? run_id:int? state:<found|ready|refused|quarantined|gone>"
    " reason:str? found_at:time? opened_at:time? fingerprint:str? parameters:int? weight_bytes:int?"
    " level:<ok|warning|critical>? level_reason:str? pinned:bool reference:bool rank:int? "
    "score:num?"
    " suites:@SuiteFigures[]")
PR_SCHEMA_PART(SuiteFigures,
    "suite:str n:int graded:int loss:num? loss_mean_per_example:num? accuracy:num? ece:num?")
PR_SCHEMA(Why,
    "checkpoint:@WhyCheckpoint grades:@WhyGrades[] decisions:@Decision[]"
    " judged_against_it:@JudgedAgainst[] n_judged_against_it:int alerts:@StatusAlert[]"
    " n_probes:int n_failed_probes:int n_diverged_probes:int rank:@WhyRank? summary:str[]")
PR_SCHEMA_PART(WhyCheckpoint,
    "checkpoint:str id:int path:str step:int? run:str? fingerprint:str?"
    " state:<found|ready|refused|quarantined|gone> reason:str? reference:bool found_at:time?"
    " opened_at:time? failures:int notes:any[]? bad_weights:str[]?")
PR_SCHEMA_PART(WhyGrades,
    "suite:str graded:int of:int n*:int loss*:num? loss_mean_per_example*:num? accuracy*:num?"
    " accuracy_ci95*:num[]? ece*:num? by_difficulty*:{any} by_skill*:{any}")
PR_SCHEMA_PART(JudgedAgainst, "checkpoint:str suite:str? verdict:str")
PR_SCHEMA_PART(WhyRank, "rank:int? of:int score:num? at:time? tied_with:str[]")
PR_SCHEMA_PART(Decision,
    "at:time? system:str kind:str suite:str? verdict:str against:str? superseded:bool evidence:any")

/* ---- the gradebook ---- */

PR_SCHEMA(Runs, "runs:@Run[]")
PR_SCHEMA_PART(
    Run, "id:int run:str parent:int? parent_step:int? first_at:time? last_at:time? checkpoints:int")
PR_SCHEMA(Suites, "suites:@Suite[]")
PR_SCHEMA_PART(Suite,
    "id:int name:str fingerprint:str n:int difficulties:str[] skills:str[] by_difficulty:{int}"
    " by_skill:{int}")
PR_SCHEMA(History,
    "suite:str suite_id:int of:int run_id:int? n:int decimated:bool checkpoint:int[] name:str[]"
    " step:int[] gone:bool[] graded:int[] loss:num?[] loss_mean_per_example:num?[] accuracy:num?[]"
    " accuracy_low:num?[] accuracy_high:num?[] ece:num?[] score:num?[] bad_numbers:int[]"
    " truncated:int[] empty:int[] think_rate:num?[] think_unclosed:int[] mean_output_tokens:num?[]"
    " difficulties:{@HistoryGroup} marks:@Mark[]")
PR_SCHEMA_PART(
    HistoryGroup, "accuracy:num?[] accuracy_low:num?[] accuracy_high:num?[] loss:num?[] n:int[]")
PR_SCHEMA_PART(Mark,
    "step:int checkpoint:int name:str kind:<regression|warning|baseline|deployment|pin> text:str")
PR_SCHEMA(Examples,
    "checkpoint:@Side? against:@Side? suite:str examples:@ExampleRow[] n:int next_cursor:str?")
PR_SCHEMA_PART(Side, "id:int name:str step:int?")
PR_SCHEMA_PART(Message, "role:str content:str? content_cut*:bool content_bytes*:int")
PR_SCHEMA_PART(Think, "text:str? closed:bool text_cut*:bool text_bytes*:int")
#define PR_ANSWER_MEMBERS                                                                          \
    " output:str? answer:str? think:@Think? correct:bool? confidence:num? loss:num? finish:str?"   \
    " truncated:bool output_tokens:int texts_dropped:bool graded:bool reason:str? "                \
    "output_cut*:bool"                                                                             \
    " output_bytes*:int answer_cut*:bool answer_bytes*:int"
#define PR_EXAMPLE_MEMBERS                                                                         \
    "example:str id:str skill:str? difficulty:str messages:@Message[] text:str? golden:str?"       \
    " golden_cut*:bool golden_bytes*:int check:str?"
PR_SCHEMA_PART(ExampleRow, PR_EXAMPLE_MEMBERS PR_ANSWER_MEMBERS " was_correct*:bool?")
PR_SCHEMA(Example, PR_EXAMPLE_MEMBERS " suite:str run_id:int? n:int answers:@Answer[]")
PR_SCHEMA_PART(Answer, "checkpoint:int name:str step:int gone:bool" PR_ANSWER_MEMBERS)
#undef PR_EXAMPLE_MEMBERS
#undef PR_ANSWER_MEMBERS
PR_SCHEMA(Compare,
    "suite:str a:@ComparedSide b:@ComparedSide n:int accuracy_difference:num?"
    " accuracy_difference_low:num? accuracy_difference_high:num? p_accuracy:num?"
    " loss_difference:num? loss_difference_low:num? loss_difference_high:num? p_loss:num? both:int"
    " gained:int lost:int neither:int by_difficulty:{@ComparedGroup}")
PR_SCHEMA_PART(
    ComparedSide, "id:int name:str step:int? n:int accuracy:num? loss_mean_per_example:num?")
PR_SCHEMA_PART(
    ComparedGroup, "n:int accuracy_difference:num? both:int gained:int lost:int neither:int")
PR_SCHEMA(Calibration, "checkpoint:@Side suite:str n:int ece:num? bins:@CalibrationBin[]"
                       " by_difficulty:{@CalibrationGroup}")
PR_SCHEMA_PART(
    CalibrationBin, "range:str low:num high:num count:int accuracy:num? mean_confidence:num?")
PR_SCHEMA_PART(CalibrationGroup, "ece:num? n:int bins:@CalibrationBin[]")

/* ---- curves ---- */

PR_SCHEMA(Curves, "series:@Series[] run_id:int?")
PR_SCHEMA_PART(Series, "id:int name:str run_id:int n:int first_step:int? last_step:int?")
PR_SCHEMA(Curve,
    "id:int name:str run_id:int n:int decimated:bool step:int[] value:num?[] smoothed*:num?[]"
    " not_numbers:int[] n_not_numbers:int")

/* ---- the machine, alerts, actions ---- */

PR_SCHEMA(Gpu, "machines:@Machine[]")
PR_SCHEMA_PART(Machine, "name:str self:bool reachable:bool reason:str? at:time? gpus*:@GpuBody[]"
                        " gpu_source*:<nvml|nvidia-smi>? gpu_reason*:str? host*:obj?")
PR_SCHEMA_PART(GpuBody,
    "index:int name:str? uuid:str? memory_used_bytes:int? memory_total_bytes:int?"
    " utilization_percent:num? temperature_celsius:num? power_watts:num? power_limit_watts:num?"
    " processes:@GpuProcess[]?")
PR_SCHEMA_PART(GpuProcess, "pid:int name:str? memory_bytes:int?")
PR_SCHEMA(GpuCurves, "series:@GpuSeries[]")
PR_SCHEMA_PART(GpuSeries, "id:int name:str n:int first_at_ms:int? last_at_ms:int?")
PR_SCHEMA(GpuCurve, "id:int name:str at_ms:int[] value:num?[] n:int decimated:bool")
PR_SCHEMA(Alerts, "alerts:@Alert[] n_open:int next_cursor:str?")
PR_SCHEMA_PART(Alert,
    "id:int system:str key:str level:<info|warning|critical> text:str checkpoint:int?"
    " checkpoint_name:str? raised_at:time cleared_at:time? acknowledged_at:time?"
    " deliveries:@Delivery[]")
PR_SCHEMA_PART(Delivery,
    "channel:str kind:<firing|resolved|repeat|test>"
    " state:<waiting|sending|held|sent|failed|dropped> attempts:int made_at:time next_at:time?"
    " ended_at:time? reason:str?")
PR_SCHEMA(Actions, "actions:@ActionRow[] next_cursor:str?")
PR_SCHEMA_PART(ActionRow,
    "id:int done_at:time who:str origin:str action:str target:str? outcome:str reason:str?")
PR_SCHEMA(ActionDone, "action:str outcome:str")
