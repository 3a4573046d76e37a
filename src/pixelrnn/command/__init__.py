"""The `pixelrnn` command:

Hydra's command line, one primary configuration `conf/<verb>.yaml` a verb.

    main      entry point: answer at once what needs no Hydra, or let Hydra compose the verb's
    configuration words     what was typed: the verb, its bare words (runs and files), Hydra's
    flags, overrides call      from a composed configuration to the call of the verb's function
    sweep     several jobs by one command: skipped, run or failed, what they are and what became of
    them names     the names of runs, sweeps and jobs, as resolvers of the configuration outcomes
    what the files of a job say, and the table that a sweep ends with errors    one line on what is
    wrong help      what --help prints: the configuration's own comments output    streams that
    cannot fail

torch and Lightning are imported when the verb's function is looked up, after all that was typed has
been checked.
"""
