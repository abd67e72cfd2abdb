using System.Text.Json;

namespace ShopMesh.Tests;

public sealed class MoneyTests
{
    [Theory]
    [InlineData("12.90", "12.90")]
    [InlineData("12.9", "12.90")]
    [InlineData("7", "7.00")]
    [InlineData("0.01", "0.01")]
    public void An_amount_is_read_from_a_decimal_string_and_written_with_two_decimals(string given, string written)
    {
        var money = JsonSerializer.Deserialize<Money>($$"""{"amount": "{{given}}", "currency": "EUR", "note": ["ignored"]}""");

        Assert.Equal($$"""{"amount":"{{written}}","currency":"EUR"}""", JsonSerializer.Serialize(money));
    }

    [Theory]
    [InlineData("""{"amount": "12.905", "currency": "EUR"}""")]
    [InlineData("""{"amount": "1,000.00", "currency": "EUR"}""")]
    [InlineData("""{"amount": "1e3", "currency": "EUR"}""")]
    [InlineData("""{"amount": 12.90, "currency": "EUR"}""")]
    [InlineData("""{"amount": "12.90", "currency": "USD"}""")]
    [InlineData("""{"amount": "12.90"}""")]
    [InlineData("""{"currency": "EUR"}""")]
    [InlineData("""{"amount": "99999999999999999999999999999999", "currency": "EUR"}""")]
    [InlineData("\"12.90\"")]
    [InlineData("12.90")]
    [InlineData("[]")]
    public void Anything_else_is_refused(string json) => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Money>(json));

    [Fact]
    public void Sums_and_multiples_are_exact() => Assert.Equal(new Money(0.30m), Money.Sum([new(0.10m), new Money(0.05m) * 4]));

    [Fact]
    public void It_crosses_the_mesh_in_minor_units()
    {
        var message = new Money(12.90m).ToMessage();

        Assert.Equal((1290, "EUR"), (message.MinorUnits, message.CurrencyCode));
        Assert.Equal(new Money(12.90m), Money.FromMessage(message));
        Assert.Throws<ArgumentException>(() => Money.FromMessage(new() { MinorUnits = 1290, CurrencyCode = "USD" }));
    }
}
