# Completion of kvfs for fish: what is offered comes from `kvfs complete`.

function __kvfs_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete -- $words[2..] "$current" 2>/dev/null)
        if string match -qr '^:(files|directories) ' -- $line
            set -l before (string replace -r '^:\w+ ' '' -- $line)
            set -l rest (string sub -s (math 1 + (string length -- "$before")) -- "$current")
            if string match -q ':files *' -- $line
                string join \n -- "$before"(__fish_complete_path "$rest" "")
            else
                string join \n -- "$before"(__fish_complete_directories "$rest" "")
            end
        else
            echo $line
        end
    end
end

complete -c kvfs -f -a '(__kvfs_complete)'
