namespace ShopMesh.Load.Journeys;

/// <summary>The lines of a basket or of an order.</summary>
internal static class Lines
{
    /// <summary>This customer chose them, their prices are the catalog's, and they add up.</summary>
    public static void Check<T>(Visit visit, Answer<T> answer, IReadOnlyList<Line> lines, decimal total)
    {
        var sum = 0m;
        foreach (var line in lines)
        {
            answer.Check(visit.Customer.MayHold.Contains(line.ProductId), $"the customer did not choose {line.ProductId}");
            answer.Check(line.UnitPrice.Amount == visit.Shop.PriceOf(line.ProductId), $"the price of {line.ProductId} is {line.UnitPrice.Amount}, not {visit.Shop.PriceOf(line.ProductId)}");
            answer.Check(line.LineTotal.Amount == line.UnitPrice.Amount * line.Quantity, $"{line.Quantity} times {line.UnitPrice.Amount} is not {line.LineTotal.Amount}");
            sum += line.LineTotal.Amount;
        }

        answer.Check(total == sum, $"the total of the lines is {sum}, not {total}");
    }
}
