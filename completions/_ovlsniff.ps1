# Completions of PowerShell for ovlsniff: ovlsniff completions powershell >> $PROFILE
#
# The program itself knows the words and the names on this host. Where an answer is late or fails, there are none.

Register-ArgumentCompleter -Native -CommandName ovlsniff -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $index = if ($wordToComplete -eq '') { $words.Count } else { $words.Count - 1 }
    $before = $env:OVLSNIFF_COMPLETE
    $env:OVLSNIFF_COMPLETE = 'powershell'
    try {
        # Windows PowerShell, and PowerShell before 7.3, leave out empty arguments.
        $typed = if ($wordToComplete -eq '') { '""' } else { $wordToComplete }
        if ($PSNativeCommandArgumentPassing -and $PSNativeCommandArgumentPassing -ne 'Legacy') { $typed = $wordToComplete }
        $answers = @(& ovlsniff -- $index $typed @words 2>$null)
    } catch {
        $answers = @()
    } finally {
        $env:OVLSNIFF_COMPLETE = $before
    }
    foreach ($answer in $answers) {
        $value, $what = $answer.Split("`t")[0, 1]
        # PowerShell completes names of files by itself where there is no answer.
        if ($value -eq ':files' -or $value -eq ':folders') { return }
        if (-not $what) { $what = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $what)
    }
}
