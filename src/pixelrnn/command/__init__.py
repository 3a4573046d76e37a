"""The `pixelrnn` command: Hydra's command line, with one primary configuration for each verb.

    main      entry point: answers at once what needs no Hydra, or launches the verb
    words     what was typed: the verb, its bare words (runs, files), Hydra's flags, overrides
    launch    Hydra composes the verb's configuration, one for each job, and calls the verb
    call      from a composed configuration to the call of the verb's function
    sweep     several jobs by one command: planned, skipped, run or failed
    slurm     the same, submitted and left alone
    outcomes  what the files of a job say, and the table that a sweep ends with
    names     the names of runs, sweeps and jobs, as resolvers of the configuration
    errors    one line on what is wrong
    shortage  one line on what the machine lacks: room on the disk, memory
    help      what --help prints: the configuration's own comments
    output    streams that cannot fail

torch and Lightning are imported when the verb's function is looked up, after all that was typed has
been checked.
"""
