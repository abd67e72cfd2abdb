using System.CommandLine;

namespace ShopMesh.Load.Tests;

public sealed class ArgumentsTests
{
    [Theory]
    [InlineData("", "constant: 100/s for 60 s")]
    [InlineData("--rate 250 --for 90s", "constant: 250/s for 90 s")]
    [InlineData("--profile ramp --rate 500 --from 0 --for 2m", "ramp: 0 to 500/s in 120 s")]
    [InlineData("--profile step --rate 100 --steps 2 --for 20", "step: 20/s for 10 s, 100/s for 10 s")]
    [InlineData("--profile spike --rate 1000 --for 10", "spike: 200/s for 4 s, 1000/s for 2 s, 200/s for 4 s")]
    public void A_profile_is_what_was_asked_for(string line, string profile) => Assert.Equal(profile, Read(line).Profile!.ToString());

    [Theory]
    [InlineData("--rate 0")]
    [InlineData("--rate NaN")]
    [InlineData("--for 2h")]
    [InlineData("--for 56m")]
    [InlineData("--mix steal=1")]
    [InlineData("--profile sawtooth")]
    [InlineData("--steps 1")]
    [InlineData("--url localhost")]
    [InlineData("--customers 0")]
    public void What_makes_no_load_is_refused(string line) => Assert.NotEmpty(Parse(line).Arguments.Errors);

    private static LoadOptions Read(string line)
    {
        var (load, arguments) = Parse(line);
        Assert.Empty(arguments.Errors);
        return load.OptionsOf(arguments);
    }

    private static (LoadArguments Load, ParseResult Arguments) Parse(string line)
    {
        var load = new LoadArguments(() => new("http://localhost:8080"));
        var root = new RootCommand();
        load.AddTo(root);
        return (load, root.Parse(line));
    }
}
