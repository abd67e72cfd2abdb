using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ShopMesh.Ordering.Data.Migrations
{
    /// <inheritdoc />
    public partial class BasketWithStock : Migration
    {
        /// <summary>The basket is emptied in the step that reserves the stock.</summary>
        protected override void Up(MigrationBuilder migrationBuilder) =>
            migrationBuilder.Sql("UPDATE orders SET step = 'Reserve' WHERE step = 'EmptyBasket'");

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) =>
            migrationBuilder.Sql("UPDATE orders SET step = 'EmptyBasket' WHERE step = 'Reserve'");
    }
}
