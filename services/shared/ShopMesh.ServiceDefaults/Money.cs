using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShopMesh;

/// <summary>An amount in the shop's one currency, euro, with at most two decimals.</summary>
/// <remarks>In JSON <c>{"amount": "12.90", "currency": "EUR"}</c>: a string, since JSON numbers are floating point to many readers.</remarks>
[JsonConverter(typeof(MoneyJsonConverter))]
public readonly record struct Money : IComparable<Money>
{
    /// <summary>ISO 4217.</summary>
    public const string Currency = "EUR";

    public static readonly Money Zero;

    /// <exception cref="ArgumentOutOfRangeException">There are more than two decimals.</exception>
    public Money(decimal amount)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(decimal.Round(amount, 2), amount);
        Amount = amount;
    }

    public decimal Amount { get; }

    public static Money operator +(Money left, Money right) => new(left.Amount + right.Amount);

    public static Money operator -(Money left, Money right) => new(left.Amount - right.Amount);

    public static Money operator *(Money unit, int quantity) => new(unit.Amount * quantity);

    public static bool operator <(Money left, Money right) => left.Amount < right.Amount;

    public static bool operator >(Money left, Money right) => left.Amount > right.Amount;

    public static bool operator <=(Money left, Money right) => left.Amount <= right.Amount;

    public static bool operator >=(Money left, Money right) => left.Amount >= right.Amount;

    public static Money Sum(IEnumerable<Money> amounts) => amounts.Aggregate(Zero, (sum, amount) => sum + amount);

    public static Money FromMessage(V1.Money message) => message.CurrencyCode == Currency
        ? new(message.MinorUnits / 100m)
        : throw new ArgumentException($"The shop trades in {Currency}, not in '{message.CurrencyCode}'.", nameof(message));

    public V1.Money ToMessage() => new() { CurrencyCode = Currency, MinorUnits = (long)(Amount * 100) };

    public int CompareTo(Money other) => Amount.CompareTo(other.Amount);

    public override string ToString() => Amount.ToString("0.00", CultureInfo.InvariantCulture);
}

public sealed class MoneyJsonConverter : JsonConverter<Money>
{
    public override Money Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string? amount = null, currency = null;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString();
            reader.Read();
            if (name == "amount" && reader.TokenType == JsonTokenType.String)
                amount = reader.GetString();
            else if (name == "currency" && reader.TokenType == JsonTokenType.String)
                currency = reader.GetString();
            else if (name is "amount" or "currency")
                throw new JsonException();
            else
                reader.Skip();
        }

        return currency == Money.Currency
            && decimal.TryParse(amount, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && decimal.Round(value, 2) == value
            ? new Money(value)
            : throw new JsonException();
    }

    public override void Write(Utf8JsonWriter writer, Money value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteString("amount"u8, value.ToString());
        writer.WriteString("currency"u8, Money.Currency);
        writer.WriteEndObject();
    }
}
